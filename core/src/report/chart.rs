//! Plots as SVG. Colours are classes of the page's style sheet, so that they follow the reader's scheme; text in them is numbers
//! and words of ours, and titles of strangers are text nodes, which the crate escapes (attributes it does not escape whole).

use svg::Document;
use svg::node::element::{Group, Line, Polyline, Rectangle, Text, Title};

/// A column of a chart: what it is called, its value, and what stands behind it.
pub struct Column {
    pub title: String,
    pub value: Option<f64>,
    pub before: Option<f64>,
    /// Not over yet.
    pub open: bool,
}

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 72.0;

fn round(n: f64) -> f64 {
    (n * 10.0).round() / 10.0
}

/// An image with a name for who does not see it.
fn image(width: f64, height: f64, name: &str) -> Document {
    Document::new()
        .set("viewBox", (0, 0, round(width), round(height)))
        .set("role", "img")
        .set("class", "plot")
        .add(Title::new(name))
}

/// Bars, each before the bar of the same day of an earlier week. Negative values hang from the line of nought.
pub fn bars(name: &str, columns: &[Column]) -> String {
    let values = || columns.iter().flat_map(|c| [c.value, c.before]).flatten().filter(|v| v.is_finite());
    let top = values().fold(0.0_f64, f64::max);
    let bottom = values().fold(0.0_f64, f64::min);
    let span = if top - bottom > 0.0 { top - bottom } else { 1.0 };
    let y = |value: f64| (top - value) / span * (HEIGHT - 2.0) + 1.0;
    let step = WIDTH / columns.len().max(1) as f64;
    let (wide, narrow) = (step * 0.86, step * 0.5);
    let bar = |at: usize, value: f64, width: f64, class: &str| {
        let (from, to) = (y(value.max(0.0)), y(value.min(0.0)));
        Rectangle::new()
            .set("x", round(step * (at as f64 + 0.5) - width / 2.0))
            .set("y", round(from))
            .set("width", round(width.max(0.5)))
            .set("height", round((to - from).max(0.8)))
            .set("class", class)
    };
    let mut image = image(WIDTH, HEIGHT, name);
    for (at, column) in columns.iter().enumerate() {
        let mut group = Group::new().add(Title::new(column.title.as_str()));
        if let Some(before) = column.before.filter(|v| v.is_finite()) {
            group = group.add(bar(at, before, wide, "before"));
        }
        if let Some(value) = column.value.filter(|v| v.is_finite()) {
            group = group.add(bar(at, value, narrow, if column.open { "now open" } else { "now" }));
        }
        image = image.add(group);
    }
    let nought = round(y(0.0));
    image
        .add(Line::new().set("x1", 0).set("x2", WIDTH).set("y1", nought).set("y2", nought).set("class", "base"))
        .to_string()
}

/// Two lines over days: the median and the 95th percentile. Days without a value are gaps.
pub fn lines(name: &str, medians: &[Option<f64>], tails: &[Option<f64>]) -> String {
    let top = medians.iter().chain(tails).flatten().copied().filter(|v| v.is_finite()).fold(1.0_f64, f64::max);
    let step = WIDTH / tails.len().max(1) as f64;
    let point = |(at, value): (usize, &Option<f64>)| {
        value.map(|value| (round(step * (at as f64 + 0.5)), round((1.0 - value / top) * (HEIGHT - 6.0) + 3.0)))
    };
    let mut image = image(WIDTH, HEIGHT, name).add(
        Line::new().set("x1", 0).set("x2", WIDTH).set("y1", HEIGHT - 0.5).set("y2", HEIGHT - 0.5).set("class", "base"),
    );
    for (values, class) in [(tails, "tail"), (medians, "median")] {
        let points: Vec<Option<(f64, f64)>> = values.iter().enumerate().map(point).collect();
        for run in points.split(Option::is_none).filter(|run| !run.is_empty()) {
            let mut run: Vec<(f64, f64)> = run.iter().flatten().copied().collect();
            // One point alone is a dash, or it would not be seen.
            if let [(x, y)] = run[..] {
                run = vec![(round(x - 3.0), y), (round(x + 3.0), y)];
            }
            let path: Vec<String> = run.iter().map(|(x, y)| format!("{x},{y}")).collect();
            image = image.add(Polyline::new().set("points", path.join(" ")).set("class", class));
        }
    }
    image.to_string()
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Calls by hour (down) and day of the week (across), as a calendar has them; only hours in which somebody called, and those between.
pub fn heat_map(name: &str, hours: &[(u8, u8, u64)]) -> String {
    let known = || hours.iter().filter(|(day, hour, _)| (1..=7).contains(day) && *hour < 24);
    let most = known().map(|cell| cell.2).max().unwrap_or(0).max(1);
    let first = known().map(|cell| cell.1).min().unwrap_or(8);
    let last = known().map(|cell| cell.1).max().unwrap_or(18).max(first);
    let (left, top, wide, high) = (44.0, 20.0, 50.0, 17.0);
    let mut image = image(left + 7.0 * wide, top + f64::from(last - first + 1) * high, name);
    let label = |text: &str, x: f64, y: f64, class: &str| Text::new(text).set("x", x).set("y", y).set("class", class);
    for (at, day) in DAYS.iter().enumerate() {
        image = image.add(label(day, left + wide * (at as f64 + 0.5), 13.0, "middle"));
    }
    for hour in first..=last {
        let y = top + f64::from(hour - first) * high;
        image = image.add(label(&format!("{hour:02}:00"), left - 6.0, y + 12.5, "end"));
        for day in 1..=7_u8 {
            let calls: u64 = known().filter(|cell| cell.0 == day && cell.1 == hour).map(|cell| cell.2).sum();
            let cell = Rectangle::new()
                .set("x", left + wide * f64::from(day - 1) + 1.0)
                .set("y", y + 1.0)
                .set("width", wide - 2.0)
                .set("height", high - 2.0)
                .set("rx", 2)
                .set("class", if calls == 0 { "none-of-it" } else { "hot" });
            // Never so faint that a call cannot be told from none.
            let cell = match calls {
                0 => cell,
                _ => cell.set("fill-opacity", ((0.15 + 0.85 * calls as f64 / most as f64) * 100.0).round() / 100.0),
            };
            let title = format!("{} {hour:02}:00: {} calls", DAYS[usize::from(day) - 1], super::format::count(calls));
            image = image.add(Group::new().add(Title::new(title)).add(cell));
        }
    }
    image.to_string()
}

/// A bar of a table's cell, as long as its share (0 to 1). What it says stands beside it as text.
pub fn share(share: f64) -> String {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    Document::new()
        .set("viewBox", (0, 0, 100, 8))
        .set("class", "share")
        .set("aria-hidden", "true")
        .set("preserveAspectRatio", "none")
        .add(Rectangle::new().set("width", 100).set("height", 8).set("class", "before"))
        .add(Rectangle::new().set("width", round(share * 100.0)).set("height", 8).set("class", "now"))
        .to_string()
}
