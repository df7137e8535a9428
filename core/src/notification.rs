//! What those who listen hear of calls that have been judged: few notifications, each a list of calls.

use crate::vocabulary::{Intent, is_hot_lead};
use serde::Serialize;

/// Every analysis.
pub const ANALYZED: &str = "voice_call_analyzed";
/// Those of hot leads.
pub const HOT: &str = "voice_lead_hot";
/// Every look at a call in progress.
pub const LIVE: &str = "voice_call_live";
/// Calls in one notification: below the 8000 bytes that a payload may have, whatever the figures are.
const IN_ONE: usize = 50;

/// What is told of a call.
#[derive(Debug, Clone, Serialize)]
pub struct AnalyzedCall {
    pub call_id: String,
    /// 0 to 100.
    pub lead_score: i32,
    /// -1 to 1.
    pub sentiment: f64,
    pub intent: Intent,
}

impl AnalyzedCall {
    fn is_hot(&self) -> bool {
        is_hot_lead(self.lead_score, self.intent)
    }
}

/// What is told of a call in progress.
#[derive(Debug, Clone, Serialize)]
pub struct LiveCall {
    pub call_id: String,
    /// As of which turn.
    pub turn: i32,
    /// 0 to 100; `None`: not asked for.
    pub lead_score: Option<i32>,
    /// -1 to 1.
    pub sentiment: Option<f64>,
    pub intent: Option<Intent>,
    /// The look raised an alert.
    pub alert: bool,
}

/// What is told in a list.
trait Told: Serialize {
    fn call_id(&self) -> &str;
}

impl Told for AnalyzedCall {
    fn call_id(&self) -> &str {
        &self.call_id
    }
}

impl Told for LiveCall {
    fn call_id(&self) -> &str {
        &self.call_id
    }
}

/// The notifications, as channel and payload: a JSON array of calls in the order of their ids. Whoever may LISTEN is not
/// asked for privileges on the tables: no more than figures is told, and where there are walls between tenants (`walls`)
/// a call is only named, and the figures are for who may read them.
pub fn notifications(mut calls: Vec<AnalyzedCall>, walls: bool) -> Vec<(String, String)> {
    calls.sort_by(|a, b| a.call_id.cmp(&b.call_id));
    let hot: Vec<AnalyzedCall> = calls.iter().filter(|call| call.is_hot()).cloned().collect();
    let lists = [(ANALYZED, calls), (HOT, hot)];
    let told = lists
        .iter()
        .flat_map(|(channel, list)| list.chunks(IN_ONE).map(|calls| ((*channel).to_owned(), payload(calls, walls))));
    told.collect()
}

/// Those of looks, as [`notifications`].
pub fn of_live(mut calls: Vec<LiveCall>, walls: bool) -> Vec<(String, String)> {
    calls.sort_by(|a, b| a.call_id.cmp(&b.call_id));
    calls.chunks(IN_ONE).map(|calls| (LIVE.to_owned(), payload(calls, walls))).collect()
}

fn payload(calls: &[impl Told], walls: bool) -> String {
    #[derive(Serialize)]
    struct Named<'a> {
        call_id: &'a str,
    }
    let json = match walls {
        true => serde_json::to_string(&calls.iter().map(|call| Named { call_id: call.call_id() }).collect::<Vec<_>>()),
        false => serde_json::to_string(calls),
    };
    // Text and numbers are always JSON.
    json.unwrap_or_else(|_| "[]".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn call(n: usize, lead_score: i32, intent: Intent) -> AnalyzedCall {
        AnalyzedCall { call_id: format!("01890000-0000-7000-8000-{n:012}"), lead_score, sentiment: -0.25, intent }
    }

    fn parsed(told: &[(String, String)]) -> Vec<(&str, Value)> {
        told.iter().map(|(channel, payload)| (channel.as_str(), serde_json::from_str(payload).unwrap())).collect()
    }

    #[test]
    fn all_are_told_and_the_hot_ones_once_more() {
        let calls = vec![call(2, 80, Intent::Sales), call(1, 79, Intent::Sales), call(3, 100, Intent::Booking)];
        let told = notifications(calls, false);
        let of = |n: usize, score: i32, intent: &str| json!({"call_id": format!("01890000-0000-7000-8000-{n:012}"), "lead_score": score, "sentiment": -0.25, "intent": intent});
        assert_eq!(
            parsed(&told),
            [
                (ANALYZED, json!([of(1, 79, "sales"), of(2, 80, "sales"), of(3, 100, "booking")])),
                (HOT, json!([of(2, 80, "sales")])),
            ]
        );
    }

    #[test]
    fn behind_walls_a_call_is_only_named() {
        let told = notifications(vec![call(1, 90, Intent::Sales)], true);
        let named = json!([{"call_id": "01890000-0000-7000-8000-000000000001"}]);
        assert_eq!(parsed(&told), [(ANALYZED, named.clone()), (HOT, named)]);
    }

    #[test]
    fn a_look_is_told_with_what_was_asked_for() {
        let looked = LiveCall {
            call_id: "01890000-0000-7000-8000-000000000001".to_owned(),
            turn: 7,
            lead_score: None,
            sentiment: Some(-0.7),
            intent: Some(Intent::Complaint),
            alert: true,
        };
        let told = of_live(vec![looked.clone()], false);
        let figures = json!([{"call_id": looked.call_id, "turn": 7, "lead_score": null, "sentiment": -0.7, "intent": "complaint", "alert": true}]);
        assert_eq!(parsed(&told), [(LIVE, figures)]);
        assert_eq!(parsed(&of_live(vec![looked.clone()], true)), [(LIVE, json!([{"call_id": looked.call_id}]))]);
        assert!(
            of_live(vec![LiveCall { sentiment: Some(-0.123_456_789_012_345_67), ..looked }; 50], false)[0].1.len()
                < 8000
        );
    }

    #[test]
    fn no_payload_is_longer_than_postgres_takes() {
        let longest = AnalyzedCall { sentiment: -0.123_456_789_012_345_67, ..call(0, 100, Intent::Complaint) };
        let told = notifications(vec![longest; 101], false);
        assert_eq!(told.len(), 3);
        assert!(told.iter().all(|(_, payload)| payload.len() < 8000));
    }

    #[test]
    fn of_nothing_nothing_is_told() {
        assert!(notifications(Vec::new(), false).is_empty());
    }
}
