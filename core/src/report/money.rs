//! What calls and analyses cost, and how far what takes long is.

use super::chart::{Column, bars, share};
use super::data::{Data, Progress, Spent, SpentOnDay};
use super::format::{count, line, money, whole};
use super::overview::ratio;
use maud::{Markup, PreEscaped, html};

/// More currencies than these are not shown.
const MAX_CURRENCIES: usize = 3;

/// One of the two things that cost money.
struct Card {
    name: &'static str,
    total: f64,
    per_minute: Option<f64>,
    of_day: fn(&SpentOnDay) -> Option<f64>,
    note: String,
}

fn cards(spent: &Spent) -> Vec<Card> {
    let plural = |n: u64, word: &str| format!("{} {word}{}", count(n), if n == 1 { "" } else { "s" });
    let calls = spent.call_cost.map(|total| Card {
        name: "Calls",
        total,
        per_minute: spent.call_cost_per_minute,
        of_day: |day| day.call_cost,
        note: format!("of {} with a cost", plural(spent.calls_with_cost, "call")),
    });
    let analyses = spent.analysis_cost.map(|total| Card {
        name: "Analyses",
        total,
        per_minute: spent.analysis_cost_per_minute,
        of_day: |day| day.analysis_cost,
        note: format!("of {}, on the day of the answer", plural(spent.requests, "request")),
    });
    calls.into_iter().chain(analyses).collect()
}

pub fn cost(data: &Data) -> Markup {
    let Some(cost) = data.cost.as_ref().filter(|cost| !cost.currencies.is_empty() || cost.unpriced_requests > 0) else {
        return html! {};
    };
    html! {
        section aria-labelledby="cost" {
            h2 #cost { "What it cost" }
            @if cost.unpriced_requests > 0 {
                p.note { (count(cost.unpriced_requests)) @if cost.unpriced_requests == 1 { " request has" } @else { " requests have" } " no price and are in no sum." }
            }
            div.cards.four {
                @for spent in cost.currencies.iter().take(MAX_CURRENCIES) {
                    @let currency = line(spent.currency.as_deref().unwrap_or(""), 12);
                    @for card in cards(spent) {
                        article.card {
                            h3 { (card.name) }
                            p.number { bdi { (money(card.total, &currency)) } }
                            p.change { @match card.per_minute { Some(price) => { bdi { (money(price, &currency)) } " a minute" } None => "no minutes to share it" } }
                            (PreEscaped(bars(&format!("{} by day, in {currency}", card.name), &columns(data, spent, &card, &currency))))
                            p.note { (card.note) }
                        }
                    }
                }
            }
        }
    }
}

fn columns(data: &Data, spent: &Spent, card: &Card, currency: &str) -> Vec<Column> {
    let of = |day: &str| spent.days.iter().find(|spent| spent.day == day).and_then(card.of_day);
    let together = data.days.len().div_ceil(super::overview::MAX_COLUMNS).max(1);
    data.days
        .chunks(together)
        .map(|days| {
            let value = days.iter().filter_map(|day| of(&day.day)).reduce(|sum, cost| sum + cost);
            let (first, last) = (line(&days[0].label, 20), line(&days[days.len() - 1].label, 20));
            let label = if days.len() == 1 { first } else { format!("{first} to {last}") };
            let title = format!("{label}: {}", value.map_or("–".to_owned(), |value| money(value, currency)));
            Column { title, value, before: None, open: days.iter().any(|day| day.day == data.today) }
        })
        .collect()
}

pub fn progress(data: &Data) -> Markup {
    let Some(rows) = data.progress.as_ref().filter(|rows| !rows.is_empty()) else { return html! {} };
    html! {
        section aria-labelledby="progress" {
            h2 #progress { "Going on now" }
            div.scroll tabindex="0" role="region" aria-label="What takes long, a row each" {
                table {
                    thead { tr { th scope="col" { "What" } th scope="col" { "Done" } th scope="col" { "Of" } th scope="col" { "Share" } th scope="col" { "A minute" } th scope="col" { "Ends" } } }
                    tbody { @for row in rows.iter().take(20) { (of_progress(row)) } }
                }
            }
        }
    }
}

fn of_progress(row: &Progress) -> Markup {
    html! {
        tr {
            th scope="row" { (line(&row.kind, 40)) span.meta { " " bdi { (line(&row.name, 60)) } } }
            td { (count(row.done)) } td { (count(row.total)) }
            td { @match ratio(row.done, row.total) { Some(done) => { span.with-bar { (super::format::percent(done)) (PreEscaped(share(done))) } } None => "–" } }
            td { (row.per_minute.map_or("–".to_owned(), whole)) } td { (row.ends.as_deref().map_or("–".to_owned(), |ends| line(ends, 40))) }
        }
    }
}
