//! What is asked beside the fixed fields: definitions in the same request, and notes on parts.

use std::sync::Arc;

use harness::stub::{Reply, StubLlm};
use serde_json::json;
use voice_core::definition::{Definition, DefinitionSource};
use voice_core::question::{Part, Question};
use voice_net::{AnalysisRequest, AnalysisResponse};

use crate::{CANARY, analysis_request, answers, endpoint, model};

fn definition(name: &str) -> Arc<Definition> {
    let source = DefinitionSource {
        name,
        version: 2,
        schema: r#"{"type": "object", "properties": {"day": {"type": "string", "description": "The day."}}}"#,
        criteria: Some(r#"[{"name": "greeting", "rubric": "The agent says its name.", "kind": "pass_fail"}]"#),
        instructions: None,
        vertical: None,
        agent_id: None,
        model: None,
        min_user_turns: 1,
    };
    Arc::new(Definition::parse(source).unwrap())
}

fn ask(stub: &StubLlm, question: Question) -> AnalysisResponse {
    let mut model = model();
    let request = analysis_request(1, &Arc::new(endpoint(&stub.url())));
    model.pool.submit(AnalysisRequest { question: Arc::new(question), ..request });
    answers(&mut model, 1).remove(0)
}

fn content(analyses: &serde_json::Value) -> String {
    let mut content = Reply::good();
    content["analyses"] = analyses.clone();
    content.to_string()
}

#[test]
fn the_fixed_fields_and_all_definitions_are_one_request() {
    let stub = StubLlm::start();
    let good = json!({"values": {"day": "Tuesday"}, "criteria": {"greeting": {"verdict": "pass"}}, "evidence": []});
    let bad = json!({"values": {"day": 2}, "criteria": {}});
    stub.answer_always(Reply::content(&content(&json!({"booking": good, "quality": bad}))));
    let question = Question::new(true, vec![definition("booking"), definition("quality")]);
    let answer = ask(&stub, question.clone()).outcome.unwrap().answer;
    assert_eq!(answer.analysis.unwrap().lead_score, 85);
    assert_eq!(answer.results[0].values["day"], "Tuesday");
    assert_eq!(answer.results[0].scored().score, Some(100));
    assert_eq!(answer.results[1].refused, ["values.day", "criteria.greeting"]);
    let requests = stub.requests();
    assert_eq!(requests.len(), 1);
    let body = requests[0].json();
    let schema: serde_json::Value = serde_json::from_str(question.schema().get()).unwrap();
    assert_eq!(body["response_format"]["json_schema"]["schema"], schema);
    assert_eq!(body["messages"][0]["content"], question.system());
}

#[test]
fn a_key_that_is_repeated_in_a_value_is_not_stored() {
    let stub = StubLlm::start();
    let part = json!({"values": {"day": format!("on {CANARY}")}, "criteria": {"greeting": {"verdict": "pass"}}});
    stub.answer_always(Reply::content(&content(&json!({"booking": part}))));
    let failure = ask(&stub, Question::new(true, vec![definition("booking")])).outcome.unwrap_err();
    assert!(failure.message.contains("it repeats the API key") && !failure.message.contains(CANARY), "{failure:?}");
}

#[test]
fn notes_on_a_part_are_asked_for_and_read_like_any_answer() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::content("{\"notes\": \"She asked for a price (1).\"}"));
    let answer = ask(&stub, Question::notes(Part { number: 1, of: 3 })).outcome.unwrap().answer;
    assert_eq!((answer.notes.as_deref(), answer.analysis), (Some("She asked for a price (1)."), None));
    let body = stub.requests()[0].json();
    let data: serde_json::Value = serde_json::from_str(body["messages"][1]["content"].as_str().unwrap()).unwrap();
    assert_eq!(data["part"], "1 of 3");
}
