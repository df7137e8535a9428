//! One table of everything, and the raw figures beside it.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The lower the better; the ratio says how many times faster ours is.
    Milliseconds,
    /// The higher the better; the ratio is ours to theirs.
    PerSecond,
    /// The lower the better; the ratio is ours to theirs.
    Bytes,
}

#[derive(Clone, Copy, Debug)]
pub enum Target {
    AtMost(f64),
    RatioAtLeast(f64),
    RatioAtMost(f64),
}

pub struct Row {
    pub work: String,
    pub unit: Unit,
    pub ours: f64,
    pub theirs: Option<f64>,
    /// Where it is not simply ours and theirs: the median over rounds.
    pub ratio: Option<f64>,
    pub targets: Vec<Target>,
    pub remark: String,
}

pub struct Report {
    rows: Vec<Row>,
    raw: Map<String, Value>,
}

impl Row {
    pub fn new(work: impl Into<String>, unit: Unit, ours: f64) -> Row {
        let work = work.into();
        Row { work, unit, ours, theirs: None, ratio: None, targets: Vec::new(), remark: String::new() }
    }

    pub fn against(mut self, theirs: f64) -> Row {
        self.theirs = Some(theirs);
        let ratio = match self.unit {
            Unit::Milliseconds => theirs / self.ours,
            Unit::PerSecond | Unit::Bytes => self.ours / theirs,
        };
        self.ratio = self.ratio.or(Some(ratio));
        self
    }

    pub fn ratio(mut self, ratio: f64) -> Row {
        self.ratio = Some(ratio);
        self
    }

    pub fn target(mut self, target: Target) -> Row {
        self.targets.push(target);
        self
    }

    pub fn remark(mut self, remark: impl Into<String>) -> Row {
        self.remark = remark.into();
        self
    }

    fn met(&self) -> &'static str {
        let ratio = self.ratio.unwrap_or(f64::NAN);
        let met = self.targets.iter().all(|target| match target {
            Target::AtMost(most) => self.ours <= *most,
            Target::RatioAtLeast(least) => ratio >= *least,
            Target::RatioAtMost(most) => ratio <= *most,
        });
        match (self.targets.is_empty(), met) {
            (true, _) => "",
            (_, true) => "yes",
            (_, false) => "**no**",
        }
    }

    fn cells(&self) -> [String; 7] {
        let figure = |value: f64| match self.unit {
            Unit::Milliseconds => format!("{} ms", digits(value)),
            Unit::PerSecond => format!("{}/s", digits(value)),
            Unit::Bytes => digits(value),
        };
        let targets = self.targets.iter().map(|target| match target {
            Target::AtMost(most) => format!("≤ {}", figure(*most)),
            Target::RatioAtLeast(least) => format!("≥ {}×", digits(*least)),
            Target::RatioAtMost(most) => format!("≤ {}×", digits(*most)),
        });
        [
            self.work.clone(),
            figure(self.ours),
            self.theirs.map(figure).unwrap_or_default(),
            self.ratio.map(|r| format!("{}×", digits(r))).unwrap_or_default(),
            targets.collect::<Vec<_>>().join(", "),
            self.met().into(),
            self.remark.clone(),
        ]
    }
}

/// Three digits that count.
fn digits(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

impl Report {
    pub fn new() -> Report {
        Report { rows: Vec::new(), raw: Map::new() }
    }

    pub fn add(&mut self, row: Row) {
        crate::progress::step(&format!("  {}", row.cells()[..4].join(" | ")));
        self.rows.push(row);
    }

    pub fn raw(&mut self, name: impl Into<String>, value: Value) {
        self.raw.insert(name.into(), value);
    }

    /// On stdout, as markdown in `table.md`, and everything that was measured in `results.json`.
    pub fn write(mut self, folder: &Path, below: &[String]) {
        let mut table: Vec<[String; 7]> =
            vec![["work", "ours", "theirs", "ratio", "target", "met?", "limit, remark"].map(String::from)];
        table.extend(self.rows.iter().map(Row::cells));
        let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        // Whatever stands last needs no padding.
        let widths: Vec<usize> = (0..7).map(|column| if column < 6 { width(column) } else { 0 }).collect();
        let line = |row: &[String; 7]| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        };
        let rule = format!("|{}|\n", widths.iter().map(|w| "-".repeat((w + 2).max(3))).collect::<Vec<_>>().join("|"));
        let body: String = table[1..].iter().map(line).collect();
        let text = format!("{}{rule}{body}\n{}\n", line(&table[0]), below.join("\n"));
        print!("{text}");

        let rows = self.rows.iter().map(|row| {
            json!({"work": row.work, "unit": format!("{:?}", row.unit), "ours": row.ours, "theirs": row.theirs,
                   "ratio": row.ratio, "targets": format!("{:?}", row.targets), "met": row.met(), "remark": row.remark})
        });
        self.raw.insert("table".into(), rows.collect());
        self.raw.insert("below".into(), json!(below));
        fs::write(folder.join("table.md"), text).expect("table.md");
        let raw = serde_json::to_string_pretty(&Value::Object(self.raw)).expect("results");
        fs::write(folder.join("results.json"), raw).expect("results.json");
    }
}
