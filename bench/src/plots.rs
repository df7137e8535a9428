//! The report as pictures: plain SVG, drawn here, so that a picture changes only where a figure does.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

const WIDTH: f64 = 860.0;
const INK: &str = "#24292f";
const FAINT: &str = "#d0d7de";
const COLORS: [&str; 8] = ["#0969da", "#cf222e", "#1a7f37", "#9a6700", "#8250df", "#bf3989", "#57606a", "#0b7285"];

/// A bar chart of ratios to the other design, on a logarithmic scale: to the right of 1 ours is better.
pub fn ratios(bars: &[(String, f64)]) -> String {
    let (left, row, top) = (430.0, 20.0, 50.0);
    let most = bars.iter().map(|bar| bar.1).fold(10.0, f64::max).log10().ceil();
    let least = bars.iter().map(|bar| bar.1).fold(0.5, f64::min).log10().floor();
    let x = |ratio: f64| left + (ratio.log10() - least) / (most - least) * (WIDTH - left - 70.0);
    let height = top + row * bars.len() as f64 + 30.0;
    let mut svg = begin(height, "How many times better than the design it replaces (logarithmic)");
    for power in least as i32..=most as i32 {
        let (at, bold) = (x(10f64.powi(power)), if power == 0 { INK } else { FAINT });
        line(&mut svg, at, top - 8.0, at, height - 26.0, bold);
        text(&mut svg, at, height - 10.0, "middle", &number(10f64.powi(power)));
    }
    for (i, (name, ratio)) in bars.iter().enumerate() {
        let (y, from, to) = (top + row * i as f64, x(1.0).min(x(*ratio)), x(1.0).max(x(*ratio)));
        let color = if *ratio >= 1.0 { COLORS[0] } else { COLORS[1] };
        let _ = writeln!(
            svg,
            "<rect x=\"{from:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"13\" fill=\"{color}\"/>",
            to - from
        );
        text(&mut svg, left - 8.0, y + 11.0, "end", name);
        text(&mut svg, to + 5.0, y + 11.0, "start", &format!("{}×", number(*ratio)));
    }
    svg + "</svg>\n"
}

pub struct Curve {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

pub struct Axes<'a> {
    pub title: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    pub log_x: bool,
    pub log_y: bool,
}

/// Curves over common axes, with their names beside.
pub fn curves(axes: &Axes, curves: &[Curve]) -> String {
    let (left, right, top, bottom) = (70.0, 620.0, 50.0, 390.0);
    let scale = |log: bool, value: f64| if log { value.max(1e-6).log10() } else { value };
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let span = |log: bool, pick: fn(&(f64, f64)) -> f64| {
        let low = all().map(pick).fold(f64::INFINITY, f64::min);
        let high = all().map(pick).fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = (scale(log, low), scale(log, high));
        if log { (low.floor(), high.ceil().max(low.floor() + 1.0)) } else { (low.min(0.0), high.max(1e-9) * 1.05) }
    };
    let (xs, ys) = (span(axes.log_x, |p| p.0), span(axes.log_y, |p| p.1));
    let x = |value: f64| left + (scale(axes.log_x, value) - xs.0) / (xs.1 - xs.0) * (right - left);
    let y = |value: f64| bottom - (scale(axes.log_y, value) - ys.0) / (ys.1 - ys.0) * (bottom - top);
    let height = f64::max(440.0, top + 20.0 * curves.len() as f64 + 20.0);
    let mut svg = begin(height, axes.title);
    for tick in ticks(axes.log_x, xs) {
        line(&mut svg, x(tick), top, x(tick), bottom, FAINT);
        text(&mut svg, x(tick), bottom + 16.0, "middle", &number(tick));
    }
    for tick in ticks(axes.log_y, ys) {
        line(&mut svg, left, y(tick), right, y(tick), FAINT);
        text(&mut svg, left - 6.0, y(tick) + 4.0, "end", &number(tick));
    }
    text(&mut svg, (left + right) / 2.0, bottom + 36.0, "middle", axes.x);
    text(&mut svg, left - 50.0, top - 10.0, "start", axes.y);
    for (i, curve) in curves.iter().enumerate() {
        let color = COLORS[i % COLORS.len()];
        let dash = if i >= COLORS.len() { " stroke-dasharray=\"5 3\"" } else { "" };
        let points: Vec<String> = curve.points.iter().map(|p| format!("{:.1},{:.1}", x(p.0), y(p.1))).collect();
        let points = points.join(" ");
        let _ =
            writeln!(svg, "<polyline points=\"{points}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"{dash}/>");
        if curve.points.len() <= 12 {
            for p in &curve.points {
                let _ = writeln!(svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{color}\"/>", x(p.0), y(p.1));
            }
        }
        let at = top + 20.0 * i as f64;
        let _ = writeln!(
            svg,
            "<line x1=\"632\" y1=\"{at:.1}\" x2=\"654\" y2=\"{at:.1}\" stroke=\"{color}\" stroke-width=\"2\"{dash}/>"
        );
        text(&mut svg, 660.0, at + 4.0, "start", &curve.name);
    }
    svg + "</svg>\n"
}

/// Remembers what this run's reads took at its number of calls, and draws all that is remembered.
pub fn growth(folder: &Path, calls: i64, reads: &[(String, f64)]) {
    let path = folder.join("growth.json");
    let known = fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str::<Map<String, Value>>(&text).ok());
    let mut known = known.unwrap_or_default();
    for (name, ms) in reads {
        let of = known.entry(name.clone()).or_insert_with(|| json!({}));
        of[calls.to_string()] = json!(ms);
    }
    let curve = |(name, of): (&String, &Value)| {
        let mut points: Vec<(f64, f64)> =
            of.as_object()?.iter().filter_map(|(calls, ms)| Some((calls.parse().ok()?, ms.as_f64()?))).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let short = name
            .replace(" per agent, 7 days", "")
            .replace(", 50 hits with headlines", "")
            .replace(", first query of a session", ", first query");
        Some(Curve { name: short.chars().take(32).collect(), points })
    };
    let all: Vec<Curve> = known.iter().filter_map(curve).collect();
    let axes = Axes { title: "Reads as the calls grow", x: "calls", y: "ms (median)", log_x: true, log_y: true };
    if !all.is_empty() {
        write(folder, "growth.svg", &curves(&axes, &all));
    }
    fs::write(&path, serde_json::to_string_pretty(&known).expect("growth") + "\n").expect("growth.json");
}

pub fn write(folder: &Path, name: &str, svg: &str) {
    fs::create_dir_all(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    fs::write(folder.join(name), svg).unwrap_or_else(|e| panic!("{name}: {e}"));
}

fn begin(height: f64, title: &str) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"{INK}\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let _ = writeln!(svg, "<text x=\"16\" y=\"24\" font-size=\"15\" font-weight=\"bold\">{}</text>", escaped(title));
    svg
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", escaped(words));
}

fn line(svg: &mut String, x1: f64, y1: f64, x2: f64, y2: f64, color: &str) {
    let _ = writeln!(svg, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{color}\"/>");
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;")
}

fn ticks(log: bool, (low, high): (f64, f64)) -> Vec<f64> {
    if log {
        return (low as i32..=high as i32).map(|power| 10f64.powi(power)).collect();
    }
    let rough = (high - low) / 5.0;
    let unit = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|n| n * unit).into_iter().find(|s| *s >= rough).unwrap_or(rough);
    (0..).map(|n| low + step * f64::from(n)).take_while(|tick| *tick <= high).collect()
}

fn number(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{}M", (v / 1e5).round() / 10.0),
        v if v >= 1e4 => format!("{}k", (v / 100.0).round() / 10.0),
        v if v >= 100.0 => format!("{v:.0}"),
        v => format!("{}", (v * 1000.0).round() / 1000.0),
    }
}
