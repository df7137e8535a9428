//! Whether somebody in a call dictates what is to be answered: such words show that they were said, and nothing else.
//! What is looked for is what people who talk about their own business do not say: keys of JSON, and names with
//! underscores.

/// Keys of a reply.
const KEYS: [&str; 15] = [
    "summary",
    "sentiment",
    "intent",
    "lead_score",
    "entities",
    "next_action",
    "evidence",
    "analyses",
    "values",
    "criteria",
    "claim",
    "quote",
    "turn",
    "verdict",
    "points",
];
/// Names that nobody says.
const NAMES: [&str; 3] = ["lead_score", "next_action", "not_applicable"];

/// `text`: folded words of somebody, which dictate an answer whatever they are to show.
pub(super) fn dictates_anything(text: &str) -> bool {
    NAMES.into_iter().any(|name| text.contains(name)) || has_key(text, "\"")
}

/// Whether they dictate what they are to show: `claim`.
pub(super) fn dictates(text: &str, claim: &str) -> bool {
    let own_name = claim.rsplit('.').next().filter(|name| name.contains('_')).map(str::to_lowercase);
    (claim == "lead_score" && text.contains("lead score")) || own_name.is_some_and(|name| text.contains(&name))
}

/// The same of a tool call, folded: it has keys of its own, and what a caller dictates stands inside of a string, or in an
/// error, which is prose.
pub(super) fn is_dictated_to_a_tool(text: &str) -> bool {
    let error = text.split_once("→ failed:").map_or("", |(_, error)| error);
    has_key(text, "\\\"") || has_key(error, "\"")
}

/// Whether one of the keys stands there as JSON has it, behind this quotation mark.
fn has_key(text: &str, mark: &str) -> bool {
    let after_mark = text.match_indices(mark).map(|(at, mark)| &text[at + mark.len()..]);
    let mut names = after_mark.filter_map(|rest| {
        let key = KEYS.into_iter().find(|key| rest.starts_with(key))?;
        Some(&rest[key.len()..])
    });
    names.any(|rest| {
        let rest = rest.trim_start_matches('\\');
        rest.strip_prefix('"').is_some_and(|rest| rest.trim_start().starts_with(':'))
    })
}
