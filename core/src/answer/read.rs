//! What is read in a reply to a question. The fixed fields are whole or the reply is refused. A definition's part is read
//! as far as it is good: what is missing or wrong in it is named by its path, and spoils nothing else.

use serde_json::{Map, Value};

use super::{Answer, DefinitionAnswer, claims, criteria};
use crate::analysis::{self, AnalysisError};
use crate::definition::{Definition, Reading, read_values};
use crate::live::LOOK_NOTES_MAX_CHARS;
use crate::long_call::{self, NOTES_MAX_CHARS};
use crate::question::{FIXED_CLAIMS, Question};

/// Reads the content of a model's message: one JSON object, as it is or in a known frame.
///
/// # Errors
/// The content is not such an object; a fixed field that was asked for is missing or wrong; only definitions were asked
/// about, and the reply has nothing of any.
pub fn read(question: &Question, content: &str) -> Result<Answer, AnalysisError> {
    let (object, framed) = analysis::object(content)?;
    let answer = of_object(question, &object)?;
    Ok(Answer { mended: answer.mended || framed, ..answer })
}

/// As [`read`], without any frame: for texts that are not meant to be the answer.
///
/// # Errors
/// As [`read`].
pub fn read_bare(question: &Question, content: &str) -> Result<Answer, AnalysisError> {
    of_object(question, &analysis::bare_object(content)?)
}

fn of_object(question: &Question, object: &Map<String, Value>) -> Result<Answer, AnalysisError> {
    if question.part().is_some() {
        let (notes, mended) = long_call::read_notes(object, NOTES_MAX_CHARS)?;
        return Ok(Answer { notes: Some(notes), mended, ..Answer::default() });
    }
    let mut answer = Answer::default();
    if let Some(wanted) = question.look_fields() {
        let (notes, cut) = long_call::read_notes(object, LOOK_NOTES_MAX_CHARS)?;
        let (look, mended) = analysis::of_look(object, wanted)?;
        answer = Answer { notes: Some(notes), look: Some(Box::new(look)), mended: cut || mended, ..answer };
    }
    if question.is_fixed() {
        let analysis::Read { analysis, mended } = analysis::of_object(object)?;
        let (claims, loose) = claims::read(object.get("evidence"), &FIXED_CLAIMS);
        answer = Answer { analysis: Some(analysis), claims, mended: mended || loose, ..answer };
    }
    let analyses = object.get("analyses").and_then(Value::as_object);
    if !question.is_fixed() && question.look_fields().is_none() && analyses.is_none() {
        return Err(AnalysisError::Missing("analyses"));
    }
    for definition in question.definitions() {
        let part = analyses.and_then(|analyses| analyses.get(&definition.name)).and_then(Value::as_object);
        let (result, mended) = of_definition(definition, part);
        answer.mended |= mended;
        answer.results.push(result);
    }
    Ok(answer)
}

/// `part`: what the reply has under the definition's name, if it is an object. Gives the answer, and whether it was mended.
fn of_definition(definition: &Definition, part: Option<&Map<String, Value>>) -> (DefinitionAnswer, bool) {
    let mut reading = Reading::default();
    let object = |key: &str| part.and_then(|part| part.get(key)).and_then(Value::as_object);

    let properties = &definition.schema.properties;
    let values = match object("values") {
        _ if properties.is_empty() => Map::new(),
        Some(values) => read_values(properties, values, "values", &mut reading),
        None => {
            reading.refused.push("values".into());
            Map::new()
        }
    };
    let criteria = match object("criteria") {
        _ if definition.criteria.is_empty() => Vec::new(),
        Some(judged) => criteria::read(&definition.criteria, judged, &mut reading.refused, &mut reading.mended),
        None => {
            reading.refused.push("criteria".into());
            definition.criteria.iter().map(criteria::unknown).collect()
        }
    };
    let (claims, loose) = claims::read(part.and_then(|part| part.get("evidence")), &definition.claims);
    let Reading { refused, mended } = reading;
    let mended = mended || loose || !refused.is_empty();
    let (name, version) = (definition.name.clone(), definition.version);
    (DefinitionAnswer { name, version, values, criteria, claims, refused }, mended)
}
