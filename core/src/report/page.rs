//! The page around its sections.

use super::data::Data;
use super::format::{count, line};
use super::{calls, money, overview, sections};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");

pub fn page(data: &Data) -> Markup {
    let title = format!("Voice report, {}", line(&data.period, 80));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // Says to the browser what holds anyway: nothing is loaded, and no script runs.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { (masthead(data)) }
                main {
                    @if overview::total(data).is_empty() { (empty(data)) } @else {
                        (overview::figures(data))
                        (calls::leads(data))
                        (calls::worth_listening(data))
                        (sections::agents(data))
                        (sections::scorecards(data))
                        (sections::latencies(data))
                        (sections::tools(data))
                        (sections::spread(data))
                    }
                    (money::cost(data))
                    (money::progress(data))
                    (sections::queue(data))
                    (sections::cells(data))
                    (sections::agreement(data))
                }
                footer { (colophon(data)) }
            }
        }
    }
}

/// Whose calls these are, and how many.
fn masthead(data: &Data) -> Markup {
    let total = overview::total(data);
    html! {
        p.kicker { "Voice agents" @if !data.tenant.is_empty() { " · " bdi { (line(&data.tenant, 60)) } } }
        h1 { (line(&data.period, 80)) }
        p.lede {
            @if total.calls > 0 {
                (count(total.calls)) @if total.calls == 1 { " call" } @else { " calls" }
                " by " (data.agents.len()) @if data.agents.len() == 50 { " or more" } " " (data.by.name(data.agents.len()))
                @if let Some(cells) = &data.cells { " on " (cells.len()) @if cells.len() == 1 { " cell" } @else { " cells" } }
            } @else if total.analyzed > 0 { (count(total.analyzed)) " analysed calls" } @else { "No calls" }
            @if let Some(vertical) = &data.vertical { " in " bdi { (line(vertical, 60)) } }
            @if let Some(agent) = &data.agent_id { ", agent " bdi { (line(agent, 60)) } }
            ". As of " (line(&data.as_of, 40)) " (" (line(&data.zone, 40)) ")."
        }
    }
}

fn empty(data: &Data) -> Markup {
    html! {
        section.empty {
            h2 { "Nothing to show yet" }
            p { "No call started between these days" @if data.vertical.is_some() || data.agent_id.is_some() { " for what you asked" } ". "
                "Calls appear here as soon as they are written to " code { "voice.call" } "." }
        }
    }
}

fn colophon(data: &Data) -> Markup {
    html! {
        @if !data.left_out.is_empty() {
            p { "Left out, because this role may not read it: "
                (data.left_out.iter().map(|part| super::format::words(part)).collect::<Vec<_>>().join(", ")) "." }
        }
        p { "Days are those of " (line(&data.zone, 40)) ". Latencies are within 2.5 % of the measured ones. "
            "Made by voice_analytics; this file loads nothing and runs no script." }
    }
}
