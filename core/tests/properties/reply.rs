//! Whatever a server answers is refused for a reason, or in range and fit to be seen in every field.

use std::sync::{Arc, LazyLock};

use serde_json::Value;
use voice_core::analysis::{self, Analysis, Intent};
use voice_core::answer;
use voice_core::definition::{Definition, DefinitionSource};
use voice_core::protocol::{OPENAI_CHAT, Protocol};
use voice_core::question::Question;

/// A reason is stored with every attempt.
const REASON_MAX_CHARS: usize = 300;

/// A question with a definition of two properties and two criteria.
fn question() -> &'static Question {
    static QUESTION: LazyLock<Question> = LazyLock::new(|| {
        let definition = Definition::parse(DefinitionSource {
            name: "n",
            version: 1,
            schema: r#"{"type": "object", "properties": {
                "name": {"type": ["string", "null"], "description": "d"},
                "topic": {"type": "array", "items": {"type": "string"}, "description": "d"}}}"#,
            criteria: Some(
                r#"[{"name": "a", "rubric": "r", "kind": "pass_fail"}, {"name": "b", "rubric": "r", "kind": "score"}]"#,
            ),
            instructions: None,
            vertical: None,
            agent_id: None,
            model: None,
            min_user_turns: 0,
        });
        Question::new(false, vec![Arc::new(definition.expect("a definition"))])
    });
    &QUESTION
}

/// A definition's part is kept where it is fit to be seen, and refused by the paths of what was asked for.
fn is_kept_or_refused(content: &str) {
    let Ok(answer) = answer::read(question(), content) else { return };
    for result in &answer.results {
        assert_eq!(result.criteria.len(), 2);
        let known =
            ["values", "values.name", "values.topic", "values.*", "criteria", "criteria.a", "criteria.b", "criteria.*"];
        assert!(result.refused.iter().all(|path| known.contains(&path.as_str())), "{:?}", result.refused);
        let lists = result.values.values().filter_map(Value::as_array).flatten();
        let texts = result.values.values().chain(lists).filter_map(Value::as_str);
        let quotes = result.claims.iter().map(|claim| claim.quote.as_str());
        for text in texts.chain(quotes) {
            assert!(is_fit_to_be_seen(text) && text.chars().count() <= 4000, "{text:?}");
        }
        let scored = result.scored();
        assert!(scored.score.is_none_or(|score| (0..=100).contains(&score)));
    }
}

/// Whether all that a definition asks for is there and good.
#[allow(dead_code, reason = "the fuzz target has no need of it")]
pub fn has_an_answer_without_a_fault(content: &str) -> bool {
    answer::read(question(), content).is_ok_and(|answer| answer.results.iter().all(|result| result.refused.is_empty()))
}

/// The bytes as a server's body, and as a model's words.
pub fn holds(bytes: &[u8]) {
    let tokens = OPENAI_CHAT.tokens(bytes);
    for count in [tokens.prompt, tokens.completion].into_iter().flatten() {
        assert!(count >= 0, "{count} tokens");
    }
    match OPENAI_CHAT.parse(&Question::fixed_fields(), bytes) {
        Ok(reply) => {
            is_stored_as_it_is(&reply.answer.analysis.expect("the fixed fields were asked for"));
            assert!(reply.model.chars().count() <= 80 && is_fit_to_be_seen(&reply.model), "{:?}", reply.model);
            assert_eq!((reply.prompt_tokens, reply.completion_tokens), (tokens.prompt, tokens.completion));
        }
        Err(invalid) => has_a_reason(&invalid),
    }
    let Ok(content) = str::from_utf8(bytes) else { return };
    is_kept_or_refused(content);
    match analysis::parse(content) {
        Ok(analysis) => is_stored_as_it_is(&analysis),
        Err(invalid) => has_a_reason(&invalid),
    }
}

fn has_a_reason(invalid: &impl ToString) {
    let reason = invalid.to_string();
    assert!((5..=REASON_MAX_CHARS).contains(&reason.chars().count()), "{reason:?}");
}

/// What the table's CHECKs ask for, what its readers need, and nothing that a second reading would change.
pub fn is_stored_as_it_is(analysis: &Analysis) {
    assert!((-1.0..=1.0).contains(&analysis.sentiment), "{}", analysis.sentiment);
    assert!(analysis.sentiment != 0.0 || analysis.sentiment.is_sign_positive(), "minus nothing");
    assert!((0..=100).contains(&analysis.lead_score), "{}", analysis.lead_score);
    assert!(Intent::ALL.contains(&analysis.intent));
    let entities = &analysis.entities;
    let texts = [
        (Some(&analysis.summary), 240),
        (Some(&analysis.next_action), 500),
        (entities.name.as_ref(), 320),
        (entities.email.as_ref(), 320),
        (entities.phone.as_ref(), 320),
        (entities.topic.as_ref(), 320),
    ];
    for (text, max) in texts.into_iter().filter_map(|(text, max)| Some((text?, max))) {
        assert!(text.chars().count() <= max, "{text:?}");
        assert!(is_fit_to_be_seen(text), "{text:?}");
        assert_eq!(text.trim(), text);
    }
    assert!(!analysis.summary.is_empty());
    assert!(
        [&entities.name, &entities.email, &entities.phone, &entities.topic]
            .into_iter()
            .flatten()
            .all(|e| !e.is_empty())
    );
    let written = serde_json::to_string(analysis).expect("an analysis is JSON");
    assert_eq!(analysis::parse(&written).as_ref(), Ok(analysis));
}

/// No control characters, nothing that turns a line round, no letters that no screen shows; joiners and the choice
/// between a sign's text and picture only where they can do something, so that they spell no message of their own.
pub fn is_fit_to_be_seen(text: &str) -> bool {
    let mut before = ' ';
    text.chars().all(|c| {
        let fit = match c {
            '\u{200d}' => !before.is_whitespace() && !matches!(before, '\u{200c}' | '\u{200d}' | '\u{fe0e}'),
            '\u{200c}' | '\u{fe0e}' | '\u{fe0f}' => {
                !before.is_whitespace() && !matches!(before, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}')
            }
            c => !c.is_control() && !is_invisible(c),
        };
        before = c;
        fit
    })
}

/// Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt), Bidi_Control, the separators of lines and
/// paragraphs, and formats of notation, without what is asked about above.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}
