//! One table of everything, and the raw figures beside it.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::plots::{self, Axes, Curve};

/// Raw figures that are drawn.
pub const LIVE: &str = "hang-up to analytics beyond the LLM, ms, by percentile";
pub const IN_FLIGHT: &str = "throughput against in flight, LLM 0.2 s";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The lower the better; the ratio says how many times faster ours is.
    Milliseconds,
    /// The higher the better; the ratio is ours to theirs.
    PerSecond,
    /// The lower the better; the ratio is ours to theirs.
    Bytes,
    /// The lower the better, as are all that follow; the ratio says how many times less ours is.
    Megabytes,
    Seconds,
    Minutes,
    Count,
}

#[derive(Clone, Copy, Debug)]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
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
    /// The other design has not the same calls: nothing is said of it.
    alone: bool,
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
            Unit::PerSecond | Unit::Bytes => self.ours / theirs,
            _ => theirs / self.ours,
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
            Target::AtLeast(least) => self.ours >= *least,
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
            Unit::Megabytes => format!("{} MB", digits(value)),
            Unit::Seconds => format!("{} s", digits(value)),
            Unit::Minutes => format!("{} min", digits(value)),
            Unit::Count => format!("{value:.0}"),
        };
        let targets = self.targets.iter().map(|target| match target {
            Target::AtMost(most) => format!("≤ {}", figure(*most)),
            Target::AtLeast(least) => format!("≥ {}", figure(*least)),
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
    pub fn new(alone: bool) -> Report {
        Report { alone, rows: Vec::new(), raw: Map::new() }
    }

    pub fn add(&mut self, mut row: Row) {
        if self.alone {
            row = Row { theirs: None, ratio: None, remark: String::new(), ..row };
            row.targets.retain(|target| matches!(target, Target::AtMost(_) | Target::AtLeast(_)));
        }
        crate::progress::step(&format!("  {}", row.cells()[..4].join(" | ")));
        self.rows.push(row);
    }

    pub fn raw(&mut self, name: impl Into<String>, value: Value) {
        self.raw.insert(name.into(), value);
    }

    /// What was measured, as pictures: as much of it as this run has.
    pub fn draw(&self, folder: &Path, calls: i64) {
        let bars: Vec<(String, f64)> = self
            .rows
            .iter()
            .filter(|row| row.theirs.is_some())
            .filter_map(|row| match row.unit {
                // Ours to theirs, the lower the better.
                Unit::Bytes => Some((row.work.clone(), 1.0 / row.ratio?)),
                _ => Some((row.work.clone(), row.ratio?)),
            })
            .map(|(name, ratio)| (name.chars().take(70).collect(), ratio))
            .collect();
        if !bars.is_empty() {
            plots::write(folder, "ratios.svg", &plots::ratios(&bars));
        }
        let reads = ["top leads", "sentiment trend", "transcript", "calls without", "tool statistics", "search"];
        let reads: Vec<(String, f64)> = self
            .rows
            .iter()
            .filter(|row| reads.iter().any(|read| row.work.starts_with(read)) && !row.work.contains("tenants"))
            .filter(|row| !row.work.contains("slowest of") && !row.work.contains("plain join"))
            .map(|row| (row.work.split(':').next().unwrap_or_default().to_owned(), row.ours))
            .collect();
        plots::growth(folder, calls, &reads);
        let numbers =
            |key: &str| -> Option<Vec<f64>> { self.raw.get(key)?.as_array()?.iter().map(Value::as_f64).collect() };
        if let Some(percentiles) = numbers(LIVE) {
            let points = percentiles.iter().enumerate().take(100).map(|(p, ms)| (p as f64, *ms)).collect();
            let limit = |name: &str, ms| Curve { name: name.into(), points: vec![(0.0, ms), (99.0, ms)] };
            let curves = [
                Curve { name: "measured".into(), points },
                limit("target of p50: 5 ms", 5.0),
                limit("target of p95: 20 ms", 20.0),
            ];
            let axes = Axes {
                title: "Hang-up to analytics beyond the LLM's own time, 160 calls/s at random",
                x: "percentile",
                y: "ms",
                log_x: false,
                log_y: false,
            };
            plots::write(folder, "latency.svg", &plots::curves(&axes, &curves));
        }
        let pair = |value: &Value| Some((value.get(0)?.as_f64()?, value.get(1)?.as_f64()?));
        if let Some(points) =
            self.raw.get(IN_FLIGHT).and_then(|v| v.as_array()?.iter().map(pair).collect::<Option<Vec<_>>>())
        {
            let ideal = points.iter().map(|p| (p.0, p.0 / 0.2)).collect();
            let curves =
                [Curve { name: "measured".into(), points }, Curve { name: "in flight / 0.2 s".into(), points: ideal }];
            let axes = Axes {
                title: "Calls analysed a second against requests in flight, LLM at 0.2 s",
                x: "in flight",
                y: "calls/s",
                log_x: true,
                log_y: true,
            };
            plots::write(folder, "in_flight.svg", &plots::curves(&axes, &curves));
        }
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
