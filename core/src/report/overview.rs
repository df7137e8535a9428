//! The figures at the top: each with its days, and the days a week (or weeks) earlier behind them.

use super::chart::{Column, bars};
use super::data::{Data, Figures};
use super::format::{count, line, percent, signed, whole};
use maud::{Markup, PreEscaped, html};

/// More columns than these are no longer columns: days are put together.
pub const MAX_COLUMNS: usize = 45;

/// All days shown, together.
pub fn total(data: &Data) -> Figures {
    Figures::sum(data.days.iter().map(|day| &day.figures))
}

/// What one card shows of a day.
struct Card {
    name: &'static str,
    /// What the number means, where its name does not say it.
    note: &'static str,
    value: fn(&Figures) -> Option<f64>,
    shown: fn(f64) -> String,
    /// How far it moved: of the value before, or in its own unit; empty: hardly.
    change: fn(f64, f64) -> Option<String>,
}

fn relative(now: f64, before: f64) -> Option<String> {
    let change = (now - before) / before;
    (before > 0.0).then(|| match change.abs() < 0.005 {
        true => String::new(),
        false => format!("{} {}", arrow(change), percent(change.abs())),
    })
}

fn points(now: f64, before: f64) -> Option<String> {
    let change = (now - before) * 100.0;
    Some(match change.abs() < 0.5 {
        true => String::new(),
        false if change.abs() < 1.5 => format!("{} 1 point", arrow(change)),
        false => format!("{} {:.0} points", arrow(change), change.abs()),
    })
}

fn difference(now: f64, before: f64) -> Option<String> {
    let change = now - before;
    Some(match change.abs() {
        d if d < 0.005 => String::new(),
        d if d < 1.0 => format!("{} {d:.2}", arrow(change)),
        d => format!("{} {d:.1}", arrow(change)),
    })
}

fn arrow(change: f64) -> &'static str {
    if change < 0.0 { "▼" } else { "▲" }
}

/// `None` where there is nothing to divide by.
pub fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn cards(total: &Figures) -> Vec<Card> {
    let success = match total.passed + total.not_passed {
        // Without analyses of one's own nobody has said what success is.
        0 => Card {
            name: "Completed",
            note: "of calls that ended, neither failed nor transferred",
            value: |f| ratio(f.completed, f.ended()),
            shown: percent,
            change: points,
        },
        _ => Card {
            name: "Success rate",
            note: "of what your analyses judged",
            value: |f| ratio(f.passed, f.passed + f.not_passed),
            shown: percent,
            change: points,
        },
    };
    let some_calls = |f: &Figures| (f.calls > 0).then_some(f.calls as f64);
    vec![
        Card { name: "Calls", note: "", value: some_calls, shown: whole, change: relative },
        Card {
            name: "Minutes",
            note: "",
            value: |f| (f.calls > 0).then_some(f.minutes),
            shown: whole,
            change: relative,
        },
        success,
        Card {
            name: "Sentiment",
            note: "of callers, −1 to +1",
            value: |f| f.sentiment,
            shown: signed,
            change: difference,
        },
        Card { name: "Lead score", note: "mean, 0 to 100", value: |f| f.lead_score, shown: whole, change: difference },
        Card {
            name: "Hot leads",
            note: "score 80 and more, sales",
            value: |f| (f.analyzed > 0).then_some(f.hot_leads as f64),
            shown: whole,
            change: relative,
        },
    ]
}

pub fn figures(data: &Data) -> Markup {
    let all = total(data);
    // The day that is not over is in the numbers, and in no comparison.
    let over = || data.days.iter().filter(|day| day.day != data.today);
    let now = Figures::sum(over().map(|day| &day.figures));
    let before = Figures::sum(over().filter_map(|day| day.before.as_ref()));
    let weeks = match data.shift_days / 7 {
        0 | 1 => "the week before".to_owned(),
        weeks => format!("{weeks} weeks before"),
    };
    html! {
        section aria-labelledby="figures" {
            h2 #figures { "By day" }
            p.key { span.swatch.now {} " these days " span.swatch.before {} " " (weeks) @if data.days.iter().any(|d| d.day == data.today) { " " span.swatch.open {} " today so far" } }
            div.cards {
                @for card in cards(&all) {
                    @if let Some(value) = (card.value)(&all) {
                        article.card {
                            h3 { (card.name) }
                            p.number { ((card.shown)(value)) }
                            p.change {
                                @match (card.value)(&now).zip((card.value)(&before)).and_then(|(now, before)| (card.change)(now, before)) {
                                    Some(change) if change.is_empty() => { "about the same as " (weeks) }
                                    Some(change) => { (change) " against " (weeks) }
                                    None => "nothing to compare with yet"
                                }
                            }
                            (PreEscaped(bars(&format!("{} by day", card.name), &columns(data, &card))))
                            p.ends { span { (line(data.days.first().map_or("", |d| &d.label), 20)) } span { (line(data.days.last().map_or("", |d| &d.label), 20)) } }
                            @if !card.note.is_empty() { p.note { (card.note) } }
                        }
                    }
                }
            }
            @if data.days.len() <= MAX_COLUMNS { (table(data)) }
        }
    }
}

/// A column a day, or as many days together as it takes.
fn columns(data: &Data, card: &Card) -> Vec<Column> {
    let together = data.days.len().div_ceil(MAX_COLUMNS).max(1);
    data.days
        .chunks(together)
        .map(|days| {
            let value = (card.value)(&Figures::sum(days.iter().map(|day| &day.figures)));
            let before = (card.value)(&Figures::sum(days.iter().filter_map(|day| day.before.as_ref())));
            let shown = |value: Option<f64>| value.map_or("–".to_owned(), card.shown);
            let (first, last) = (line(&days[0].label, 20), line(&days[days.len() - 1].label, 20));
            let label = if days.len() == 1 { first } else { format!("{first} to {last}") };
            let title = format!("{label}: {} (before: {})", shown(value), shown(before));
            Column { title, value, before, open: days.iter().any(|day| day.day == data.today) }
        })
        .collect()
}

/// The same as numbers, for who does not see the bars.
fn table(data: &Data) -> Markup {
    let judged = data.days.iter().any(|day| day.figures.passed + day.figures.not_passed > 0);
    html! {
        details {
            summary { "The same as a table" }
            div.scroll tabindex="0" role="region" aria-label="Figures by day" {
                table {
                    thead { tr { th scope="col" { "Day" } th scope="col" { "Calls" } th scope="col" { "Before" } th scope="col" { "Minutes" } th scope="col" { "Failed" }
                        th scope="col" { "Transferred" } @if judged { th scope="col" { "Success" } } th scope="col" { "Sentiment" } th scope="col" { "Lead score" } th scope="col" { "Hot leads" } } }
                    tbody {
                        @for day in &data.days {
                            @let f = &day.figures;
                            tr {
                                th scope="row" { (line(&day.label, 20)) @if day.day == data.today { " (so far)" } }
                                td { (count(f.calls)) } td { (day.before.as_ref().map_or("–".to_owned(), |before| count(before.calls))) }
                                td { (whole(f.minutes)) } td { (count(f.failed)) } td { (count(f.transferred)) }
                                @if judged { td { (ratio(f.passed, f.passed + f.not_passed).map_or("–".to_owned(), percent)) } }
                                td { (f.sentiment.map_or("–".to_owned(), signed)) } td { (f.lead_score.map_or("–".to_owned(), whole)) } td { (count(f.hot_leads)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
