//! Calls that a person should look at: whom to ring, and what to listen to.

use super::data::{Call, Data, Evidence};
use super::format::{count, duration, line, lines, signed, words};
use maud::{Markup, html};

/// Whatever the data has: so many of each, so that the page has its size.
const MAX_LEADS: usize = 10;
const MAX_OF_A_KIND: usize = 3;
const MAX_TRANSCRIPT: usize = 3000;

fn of_kind<'d>(data: &'d Data, why: &'d str, most: usize) -> impl Iterator<Item = &'d Call> {
    data.calls_to_look_at.iter().flatten().filter(move |call| call.why == why).take(most)
}

/// What the agent is called.
fn agent(call: &Call) -> Markup {
    let name = call.agent_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&call.agent_id);
    html! { bdi { (line(name, 60)) } }
}

pub fn leads(data: &Data) -> Markup {
    let Some(calls) = &data.calls_to_look_at else { return html! {} };
    let with_words = calls.iter().any(|call| call.summary.is_some());
    html! {
        section aria-labelledby="leads" {
            h2 #leads { "Call these people first" }
            @if of_kind(data, "lead", 1).next().is_none() {
                p.none { "No caller scored 50 or more." }
            } @else {
                @if !with_words { p.note { "Names, numbers and reasons are for roles with the access reader." } }
                ol.leads { @for call in of_kind(data, "lead", MAX_LEADS) { li { (lead(call)) } } }
            }
        }
    }
}

fn lead(call: &Call) -> Markup {
    let name = call.entities.as_ref().and_then(|entities| entities.get("name")).and_then(|name| name.as_str());
    html! {
        p.score { b { (format!("{:.0}", call.lead_score)) } span.hidden { " of 100" } }
        div {
            p.who {
                @match (name, &call.contact_number) {
                    (Some(name), Some(number)) => { b { bdi { (line(name, 60)) } } " · " bdi { (line(number, 40)) } }
                    (Some(name), None) => b { bdi { (line(name, 60)) } }
                    (None, Some(number)) => b { bdi { (line(number, 40)) } }
                    (None, None) => b { (words(&call.intent)) }
                }
                span.meta { " " (words(&call.intent)) " · " (agent(call)) " · " (line(&call.started, 40)) }
            }
            @if let Some(next) = call.next_action.as_deref().filter(|next| !next.is_empty()) { p.next { bdi { (line(next, 240)) } } }
            @if let Some(summary) = &call.summary { p.summary { bdi { (line(summary, 240)) } } }
            @for quote in call.evidence.iter().flatten().filter(|e| e.supported && !e.quote.is_empty()).fold(Vec::new(), unlike).iter().take(2) {
                blockquote { bdi { (line(&quote.quote, 240)) } footer { "said by the " (speaker(quote)) ": why the " (words(&quote.claim)) } }
            }
            @if call.summary.is_none() { p.meta { "sentiment " (signed(call.sentiment)) " · call " code { (line(&call.call_id, 36)) } } }
        }
    }
}

/// A quote that shows two things is shown once.
fn unlike<'e>(mut kept: Vec<&'e Evidence>, next: &'e Evidence) -> Vec<&'e Evidence> {
    if kept.iter().all(|quote| quote.quote != next.quote) {
        kept.push(next);
    }
    kept
}

fn speaker(quote: &Evidence) -> String {
    match quote.speaker.as_deref() {
        Some("user") | None => "caller".to_owned(),
        Some("assistant") => "agent".to_owned(),
        Some(other) => words(other),
    }
}

pub fn worth_listening(data: &Data) -> Markup {
    let kinds = [
        ("sentiment", "Unhappiest callers", "sentiment"),
        ("doubt", "Doubtful judgements", "claims that the call does not show"),
        ("silence", "Longest silences", "without a word"),
    ];
    if !kinds.iter().any(|(why, ..)| of_kind(data, why, 1).next().is_some()) {
        return html! {};
    }
    html! {
        section aria-labelledby="listen" {
            h2 #listen { "Worth listening to" }
            div.columns {
                @for (why, title, unit) in kinds {
                    @if of_kind(data, why, 1).next().is_some() {
                        div {
                            h3 { (title) }
                            @for call in of_kind(data, why, MAX_OF_A_KIND) { (listen(call, unit)) }
                        }
                    }
                }
            }
        }
    }
}

fn listen(call: &Call, unit: &str) -> Markup {
    let value = match call.why.as_str() {
        "silence" => duration(call.value),
        "doubt" => count(call.value.max(0.0) as u64),
        _ => signed(call.value),
    };
    html! {
        article.call {
            p.who { b { (value) } " " (unit) }
            p.meta { (agent(call)) " · " (line(&call.started, 40)) }
            @if let Some(summary) = &call.summary { p.summary { bdi { (line(summary, 240)) } } }
            @match &call.transcript {
                Some(transcript) => details { summary { "Transcript" } (spoken(transcript)) }
                None => p.meta { "call " code { (line(&call.call_id, 36)) } }
            }
        }
    }
}

/// `role: words` line by line, the roles as people call them.
fn spoken(transcript: &str) -> Markup {
    html! {
        dl.transcript tabindex="0" {
            @for line in lines(transcript, MAX_TRANSCRIPT).lines() {
                @match line.split_once(": ") {
                    Some((role, text)) if role.len() <= 40 => {
                        dt { (role.replacen("user", "caller", 1).replacen("assistant", "agent", 1)) }
                        dd { bdi { (text) } }
                    }
                    _ => { dt { "…" } dd { bdi { (line) } } }
                }
            }
        }
    }
}
