//! Measures the `builtin` analyzer and prints the tables of `docs/analyzers.md`.
//!
//! ```text
//! measure_builtin labelled FILE [--misses]      against labels made by hand, and each disagreement
//! measure_builtin even FILE [--misses]          of its lines, counted from 1, the even ones; or the odd ones: odd FILE
//! measure_builtin calls FILE[.gz]               booking against the intents that a data set names, and speed
//! measure_builtin turns FILE[.gz]               the user turns of a data set, one a line
//! measure_builtin vader SCORED                  VADER against lines of `score<TAB>sentence`
//! ```

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::time::Instant;

use serde::Deserialize;
use voice_core::analysis::{Analysis, Intent};
use voice_core::builtin;
use voice_core::transcript::Role;

#[path = "../tests/labelled/mod.rs"]
mod labelled;
use labelled::{Counts, LabelledCall, SpokenTurn, measure};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [which @ ("labelled" | "even" | "odd"), file] => {
            print_labelled(&labelled::part(read_lines(file)?, which), false)
        }
        [which @ ("labelled" | "even" | "odd"), file, "--misses"] => {
            print_labelled(&labelled::part(read_lines(file)?, which), true)
        }
        ["calls", file] => print_calls(&read_lines(file)?),
        ["turns", file] => print_turns(&read_lines(file)?),
        ["vader", file] => print_vader(file),
        _ => Err("usage: measure_builtin labelled|even|odd|calls|turns|vader FILE".into()),
    }
}

fn read_lines<T: for<'de> Deserialize<'de>>(file: &str) -> Result<Vec<T>, Box<dyn Error>> {
    let opened = File::open(file).map_err(|e| format!("{file}: {e}"))?;
    let reader: Box<dyn Read> =
        if file.ends_with(".gz") { Box::new(flate2::read::GzDecoder::new(opened)) } else { Box::new(opened) };
    BufReader::new(reader).lines().map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}

fn print_labelled(calls: &[LabelledCall], misses: bool) -> Result<(), Box<dyn Error>> {
    let m = measure(calls);
    println!("| {} calls labelled by hand | builtin | a constant |\n|---|---|---|", calls.len());
    println!("| sentiment, mean absolute error | {:.3} | {:.3} (the median) |", m.sentiment_mae, m.constant_mae);
    println!("| sentiment, rank correlation | {:.3} | 0 |", m.sentiment_rank);
    println!("| lead score, rank correlation | {:.3} | 0 |", m.lead_rank);
    println!("| lead score, mean absolute error | {:.1} | {:.1} (the median) |", m.lead_mae, m.constant_lead_mae);
    println!("| intent, share right | {:.3} | {:.3} (always booking) |", m.intent_right, m.constant_intent);
    for (what, counts) in [("name", m.name), ("e-mail", m.email), ("phone", m.phone)] {
        let (precision, recall) = (counts.precision(), counts.recall());
        println!("| {what}, precision / recall | {precision:.3} / {recall:.3} ({counts}) | 0 / 0 |");
    }
    if misses {
        calls.iter().for_each(labelled::explain);
    }
    Ok(())
}

/// A call of a data set that names the intents.
#[derive(Deserialize)]
struct Call {
    vertical: String,
    turns: Vec<SpokenTurn>,
    truth: Truth,
}

#[derive(Deserialize)]
struct Truth {
    intents: Vec<String>,
}

impl Call {
    fn is_booking(&self) -> bool {
        let books = |intent: &String| {
            let intent = intent.to_lowercase();
            ["reserve", "book", "buy", "schedule", "rent"].iter().any(|verb| intent.starts_with(verb))
        };
        self.truth.intents.iter().any(books)
    }
}

fn print_calls(calls: &[Call]) -> Result<(), Box<dyn Error>> {
    // As the worker has them: read from the database, not yet split into words.
    let turns: Vec<Vec<_>> = calls.iter().map(|c| c.turns.iter().map(SpokenTurn::turn).collect()).collect();
    let analyze = || calls.iter().zip(&turns).map(|(c, turns)| builtin::analyze(turns, &c.vertical).0).collect();
    let found: Vec<Analysis> = analyze();
    let seconds = (0..5).map(|_| timed(analyze)).fold(f64::INFINITY, f64::min);

    println!(
        "| intent booking, {} calls | precision | recall | F1 | always booking, F1 |\n|---|---|---|---|---|",
        calls.len()
    );
    for (what, keep) in [("odd lines (developed on)", 0), ("even lines (held out)", 1), ("all", 2)] {
        let (mut counts, mut always) = (Counts::default(), Counts::default());
        let half = calls.iter().zip(&found).enumerate().filter(|(i, _)| keep == 2 || i % 2 == keep);
        for (_, (call, analysis)) in half {
            counts.add(call.is_booking(), analysis.intent == Intent::Booking);
            always.add(call.is_booking(), true);
        }
        let (p, r, f1) = (counts.precision(), counts.recall(), counts.f1());
        println!("| {what} | {p:.3} | {r:.3} | {f1:.3} | {:.3} |", always.f1());
    }
    println!(
        "\n{} calls in {seconds:.2} s of one core, the best of five: {:.0} calls a second",
        calls.len(),
        calls.len() as f64 / seconds
    );
    Ok(())
}

/// Seconds on the processor, not on the clock, where Linux tells: what else the machine does is not ours.
fn timed(work: impl Fn() -> Vec<Analysis>) -> f64 {
    let on_cpu = || -> Option<f64> {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        Some(stat.split(' ').next()?.parse::<f64>().ok()? / 1e9)
    };
    let (clock, before) = (Instant::now(), on_cpu());
    std::hint::black_box(work());
    match (before, on_cpu()) {
        (Some(before), Some(after)) if after > before => after - before,
        _ => clock.elapsed().as_secs_f64(),
    }
}

fn print_turns(calls: &[Call]) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for turn in calls.iter().flat_map(|c| &c.turns).map(SpokenTurn::turn).filter(|t| t.role == Role::User) {
        writeln!(out, "{}", turn.text.replace(['\n', '\r'], " "))?;
    }
    Ok(())
}

fn print_vader(file: &str) -> Result<(), Box<dyn Error>> {
    let (mut lines, mut equal) = (0, 0);
    for line in BufReader::new(File::open(file)?).lines() {
        let line = line?;
        let (expected, sentence) = line.split_once('\t').ok_or("a line without a tab")?;
        lines += 1;
        let score = format!("{:.4}", builtin::vader_compound(sentence) + 0.0);
        match score == expected {
            true => equal += 1,
            false => eprintln!("{expected} in the reference, {score} here: {sentence}"),
        }
    }
    println!("VADER equals the Python reference to four decimals on {equal} of {lines} user turns");
    Ok(())
}
