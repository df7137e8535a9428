//! What the user may ask for.

use std::path::{Path, PathBuf};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Reads,
    Search,
    Ingest,
    Import,
    Sizes,
    Ending,
    Worker,
    Analyses,
    Live,
}

impl Part {
    const ALL: [Part; 9] = [
        Part::Reads,
        Part::Search,
        Part::Ingest,
        Part::Import,
        Part::Sizes,
        Part::Ending,
        Part::Worker,
        Part::Analyses,
        Part::Live,
    ];

    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

pub struct Arguments {
    pub calls: i64,
    /// Over which the calls are spread.
    pub days: i32,
    /// How often each call of the other design is in ours: 1, or there is nothing to compare.
    pub copies: i64,
    /// Of each measurement.
    pub seconds: u32,
    /// How often the two designs take turns where throughput is compared.
    pub rounds: usize,
    /// How many seconds the worker's backfill is drained at most.
    pub drain: u32,
    pub parts: Vec<Part>,
    /// Where the cluster lies, and the results.
    pub folder: PathBuf,
    /// Where the plots go.
    pub plots: PathBuf,
}

pub enum Command {
    Compare(Arguments),
    Help,
}

pub const USAGE: &str = "\
usage: bench [--calls 1000000] [--days 365] [--copies 1] [--seconds 6] [--rounds 5] [--drain 60] [--only PART,PART,…] [--folder target/bench] [--plots target/bench/plots]

Measures voice_analytics and the design it replaces on one server, side by side.
  --calls    how many calls of ten turns each database is loaded with (2000 for a look, 10000000 for a long night)
  --days     over how many days they are spread
  --copies   where no disk holds both designs: theirs gets one call of so many, ours each of them so many times under other
             ids, and only ours is shown; reads and search
  --seconds  how long each measurement takes
  --rounds   how often the two take turns where throughput is compared
  --drain    for how many seconds the worker drains its backfill; what is left is reckoned
  --only     of reads, search, ingest, import, sizes, ending, worker, analyses, live
  --folder   the loaded cluster is kept there, for the next run, and the results
  --plots    the pictures are drawn there; growth.json in it remembers the reads of other numbers of calls";

pub fn parse(mut given: impl Iterator<Item = String>) -> Result<Command, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("")).join("target/bench");
    let plots = folder.join("plots");
    let mut arguments = Arguments {
        calls: 1_000_000,
        days: 365,
        copies: 1,
        seconds: 6,
        rounds: 5,
        drain: 60,
        parts: Part::ALL.to_vec(),
        folder,
        plots,
    };
    while let Some(name) = given.next() {
        if name == "--help" {
            return Ok(Command::Help);
        }
        let value = given.next().ok_or_else(|| format!("{name}: there is no such option, or its value is missing"))?;
        match name.as_str() {
            "--calls" => arguments.calls = number(&name, &value, 1000)?,
            "--days" => arguments.days = number(&name, &value, 1)? as i32,
            "--copies" => arguments.copies = number(&name, &value, 1)?,
            "--seconds" => arguments.seconds = number(&name, &value, 1)? as u32,
            "--rounds" => arguments.rounds = number(&name, &value, 1)? as usize,
            "--drain" => arguments.drain = number(&name, &value, 1)? as u32,
            "--plots" => arguments.plots = value.into(),
            "--folder" => arguments.folder = value.into(),
            "--only" => arguments.parts = value.split(',').map(part).collect::<Result<_, _>>()?,
            _ => return Err(format!("{name}: there is no such option")),
        }
    }
    if arguments.copies > 1 {
        arguments.parts.retain(|part| [Part::Reads, Part::Search].contains(part));
    }
    Ok(Command::Compare(arguments))
}

fn number(name: &str, value: &str, least: i64) -> Result<i64, String> {
    let number = value.replace('_', "").parse().map_err(|e| format!("{name} {value}: {e}"))?;
    if number < least { Err(format!("{name} {value}: {least} or more")) } else { Ok(number) }
}

fn part(name: &str) -> Result<Part, String> {
    Part::ALL.into_iter().find(|p| p.name() == name).ok_or_else(|| format!("--only {name}: there is no such part"))
}
