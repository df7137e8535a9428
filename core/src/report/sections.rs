//! Agents, speed, tools, and how the calls are spread.

use super::chart;
use super::data::{Data, Latency};
use super::format::{count, duration, line, percent, signed, whole, words};
use super::overview::{ratio, total};
use maud::{Markup, PreEscaped, html};

/// A share with its bar; `None` where there is nothing to divide by.
fn share(value: Option<f64>) -> Markup {
    html! { @match value { Some(value) => { span.with-bar { (percent(value)) (PreEscaped(chart::share(value))) } } None => "–" } }
}

pub fn agents(data: &Data) -> Markup {
    if data.agents.is_empty() {
        return html! {};
    }
    let judged = data.agents.iter().any(|agent| agent.figures.passed + agent.figures.not_passed > 0);
    html! {
        section aria-labelledby="agents" {
            h2 #agents { (data.by.title(true)) }
            div.scroll tabindex="0" role="region" aria-label={ (data.by.title(true)) ", a row each" } {
                table {
                    thead { tr { th scope="col" { (data.by.title(false)) } th scope="col" { "Calls" } th scope="col" { "Minutes" }
                        @if judged { th scope="col" { "Success" } } @else { th scope="col" { "Completed" } }
                        th scope="col" { "Transferred" } th scope="col" { "Failed" } th scope="col" { "Sentiment" } th scope="col" { "Lead score" } th scope="col" { "Hot leads" } } }
                    tbody { @for agent in data.agents.iter().take(50) {
                        @let f = &agent.figures;
                        tr {
                            th scope="row" { bdi { (line(agent.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&agent.agent_id), 60)) }
                                @if let Some(vertical) = agent.vertical.as_ref().filter(|vertical| **vertical != agent.agent_id) { span.meta { " " bdi { (words(vertical)) } } } }
                            td { (count(f.calls)) } td { (whole(f.minutes)) }
                            td { (share(if judged { ratio(f.passed, f.passed + f.not_passed) } else { ratio(f.completed, f.ended()) })) }
                            td { (ratio(f.transferred, f.ended()).map_or("–".to_owned(), percent)) } td { (ratio(f.failed, f.ended()).map_or("–".to_owned(), percent)) }
                            td { (f.sentiment.map_or("–".to_owned(), signed)) } td { (f.lead_score.map_or("–".to_owned(), whole)) } td { (count(f.hot_leads)) }
                        }
                    } }
                }
            }
        }
    }
}

pub fn scorecards(data: &Data) -> Markup {
    let Some(cards) = data.scorecards.as_ref().filter(|cards| !cards.is_empty()) else { return html! {} };
    let name_of = |id: &str| {
        let known = data.agents.iter().find(|agent| agent.agent_id == id).and_then(|agent| agent.name.clone());
        line(known.filter(|name| !name.is_empty()).as_deref().unwrap_or(id), 60)
    };
    html! {
        section aria-labelledby="scorecards" {
            h2 #scorecards { "Scorecards" }
            div.scroll tabindex="0" role="region" aria-label="Scorecards, a row each" {
                table {
                    thead { tr { th scope="col" { "Analysis" } th scope="col" { (data.by.title(false)) } th scope="col" { "Calls" } th scope="col" { "Passed" } th scope="col" { "Mean score" } th scope="col" { "Criteria" } } }
                    tbody { @for card in cards.iter().take(60) {
                        tr {
                            th scope="row" { (words(&card.analysis)) span.meta { " version " (card.version) } }
                            td.text { bdi { (name_of(&card.group_key)) } }
                            td { (count(card.calls)) } td { (share(ratio(card.passed, card.passed + card.failed))) }
                            td { (card.avg_score.map_or("–".to_owned(), whole)) }
                            td.text { @for (at, (name, criterion)) in card.criteria.iter().take(8).enumerate() {
                                @if at > 0 { ", " } (words(name)) " " b { (criterion.pass_rate.map_or("–".to_owned(), percent)) }
                            } }
                        }
                    } }
                }
            }
        }
    }
}

const STAGES: [(&str, &str, &str); 4] = [
    ("end_to_end", "End to end", "from the caller's last word to the agent's first"),
    ("transcription", "Transcription", "speech to text"),
    ("first_token", "First token", "of the language model"),
    ("first_byte", "First byte", "of the agent's voice"),
];

pub fn latencies(data: &Data) -> Markup {
    let Some(rows) = data.latencies.as_ref().filter(|rows| !rows.is_empty()) else { return html! {} };
    let of = |stage: &str, before: bool| -> Option<&Latency> {
        rows.iter().find(|row| row.stage == stage && row.before == before && row.day.is_none())
    };
    html! {
        section aria-labelledby="speed" {
            h2 #speed { "Speed" }
            p.key { span.swatch.now {} " median " span.swatch.tail {} " 95th percentile" }
            div.cards.four {
                @for (stage, name, what) in STAGES {
                    @if let Some(now) = of(stage, false) {
                        @let by_day = |value: fn(&Latency) -> Option<f64>| -> Vec<Option<f64>> {
                            data.days.iter().map(|day| rows.iter().find(|row| row.stage == stage && row.day.as_ref() == Some(&day.day)).and_then(value)).collect()
                        };
                        article.card {
                            h3 { (name) }
                            p.number { (now.p50.map_or("–".to_owned(), duration)) }
                            p.change { "95 % within " (now.p95.map_or("–".to_owned(), duration))
                                @if let Some(before) = of(stage, true) { "; before: " (before.p50.map_or("–".to_owned(), duration)) " and " (before.p95.map_or("–".to_owned(), duration)) } }
                            (PreEscaped(chart::lines(&format!("{name} by day: median and 95th percentile"), &by_day(|row| row.p50), &by_day(|row| row.p95))))
                            p.note { (what) ", " (count(now.turns)) " turns" }
                        }
                    }
                }
            }
        }
    }
}

pub fn tools(data: &Data) -> Markup {
    let Some(tools) = data.tools.as_ref().filter(|tools| !tools.is_empty()) else { return html! {} };
    html! {
        section aria-labelledby="tools" {
            h2 #tools { "Tools" }
            div.scroll tabindex="0" role="region" aria-label="Tools, a row each" {
                table {
                    thead { tr { th scope="col" { "Tool" } th scope="col" { "Calls" } th scope="col" { "Failed" } th scope="col" { "Failure rate" } th scope="col" { "Median" } th scope="col" { "95th percentile" } } }
                    tbody { @for tool in tools.iter().take(20) {
                        tr {
                            th scope="row" { bdi { (line(&tool.name, 60)) } }
                            td { (count(tool.calls)) } td { (count(tool.errors)) } td { (share(ratio(tool.errors, tool.calls))) }
                            td { (tool.p50_ms.map_or("–".to_owned(), duration)) } td { (tool.p95_ms.map_or("–".to_owned(), duration)) }
                        }
                    } }
                }
            }
        }
    }
}

/// A list of names with their share of the whole.
fn ranking(rows: &[(String, u64)], name: &str, note: Option<&[String]>) -> Markup {
    let whole: u64 = rows.iter().map(|row| row.1).sum();
    html! {
        table.ranking {
            caption.hidden { (name) }
            tbody { @for (at, (label, calls)) in rows.iter().enumerate() {
                tr { th scope="row" { bdi { (label) } } td { (count(*calls)) } td { (share(ratio(*calls, whole))) }
                    @if let Some(note) = note { td.meta { (note[at]) } } }
            } }
        }
    }
}

/// What calls were about, when they came and how they ended.
pub fn spread(data: &Data) -> Markup {
    let all = total(data);
    html! {
        section.spread aria-labelledby="spread" {
            h2 #spread { "What, when, and how it ended" }
            div.columns {
                @if let Some(intents) = data.intents.as_ref().filter(|intents| !intents.is_empty()) {
                    @let before: u64 = intents.iter().map(|intent| intent.before).sum();
                    div {
                        h3 { "What callers wanted" }
                        (ranking(&intents.iter().map(|i| (words(&i.intent), i.calls)).collect::<Vec<_>>(), "Intents",
                            Some(&intents.iter().map(|i| ratio(i.before, before).map_or("new".to_owned(), |share| format!("before {}", percent(share)))).collect::<Vec<_>>())))
                    }
                }
                @if let Some(hours) = data.hours.as_ref().filter(|hours| !hours.is_empty()) {
                    div { h3 { "When they called" } (PreEscaped(chart::heat_map("Calls by hour and day of the week", hours))) }
                }
                @if all.ended() > 0 {
                    div {
                        h3 { "How calls ended" }
                        (ranking(&[("completed".to_owned(), all.completed), ("transferred".to_owned(), all.transferred), ("failed".to_owned(), all.failed)], "Ends of calls", None))
                        @if let Some(reasons) = data.end_reasons.as_ref().filter(|reasons| !reasons.is_empty()) {
                            h3 { "Reasons given" }
                            (ranking(&reasons.iter().take(12).map(|r| (words(&r.reason), r.calls)).collect::<Vec<_>>(), "Reasons", None))
                        }
                    }
                }
            }
        }
    }
}

pub fn queue(data: &Data) -> Markup {
    let Some(queue) = &data.queue else { return html! {} };
    let number = |n: Option<u64>| n.map_or("–".to_owned(), count);
    html! {
        section aria-labelledby="queue" {
            h2 #queue { "Analysis queue" }
            p.lede { "The worker is " b { (words(queue.state.as_deref().unwrap_or("unknown"))) }
                @if let Some(reason) = &queue.reason { ": " bdi { (line(reason, 240)) } } "." }
            dl.facts {
                div { dt { "waiting" } dd { (number(queue.queued)) } }
                div { dt { "being analysed" } dd { (number(queue.running)) } }
                div { dt { "given up" } dd { (number(queue.dead)) } }
                div { dt { "longest wait" } dd { (queue.oldest_wait_ms.map_or("none".to_owned(), duration)) } }
                div { dt { "hang-up to result" } dd { (queue.p50_ms.map_or("–".to_owned(), duration)) } }
            }
            @if let Some(error) = &queue.last_error { p.note { "Last error: " bdi { (line(error, 300)) } } }
        }
    }
}

/// A row a server, on a page of several.
pub fn cells(data: &Data) -> Markup {
    let Some(cells) = data.cells.as_ref().filter(|cells| !cells.is_empty()) else { return html! {} };
    let number = |n: Option<u64>| n.map_or("–".to_owned(), count);
    html! {
        section aria-labelledby="cells" {
            h2 #cells { "Cells" }
            div.scroll tabindex="0" role="region" aria-label="Cells, a row each" {
                table {
                    thead { tr { th scope="col" { "Cell" } th scope="col" { "Tenants" } th scope="col" { "Calls" } th scope="col" { "Worker" } th scope="col" { "Waiting" }
                        th scope="col" { "Being analysed" } th scope="col" { "Given up" } th scope="col" { "Longest wait" } th scope="col" { "Hang-up to result, p95" } } }
                    tbody { @for cell in cells {
                        tr {
                            th scope="row" { bdi { (line(&cell.name, 60)) } }
                            td { (count(cell.tenants)) } td { (count(cell.calls)) }
                            td { (match cell.worker_up { Some(true) => "up", Some(false) => "down", None => "–" }) }
                            td { (number(cell.queued)) } td { (number(cell.running)) } td { (number(cell.dead)) }
                            td { (cell.wait_ms.map_or("–".to_owned(), duration)) } td { (cell.p95_ms.map_or("–".to_owned(), duration)) }
                        }
                    } }
                }
            }
        }
    }
}

pub fn agreement(data: &Data) -> Markup {
    let Some(rows) = data.agreement.as_ref().filter(|rows| !rows.is_empty()) else { return html! {} };
    html! {
        section aria-labelledby="agreement" {
            h2 #agreement { "Against people" }
            p.note { "How far judgements are from what people said of the same calls, last 90 days, all agents." }
            ul { @for row in rows.iter().take(20) { li { bdi { (line(&row.sentence, 300)) } } } }
        }
    }
}
