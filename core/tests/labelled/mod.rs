//! The calls labelled by hand, and how far the analyzer is from them. Shared by the test and the measuring program.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use voice_core::analysis::{Analysis, Intent};
use voice_core::builtin::analyze;
use voice_core::transcript::{Role, Turn};

/// A line of `demo/labelled.jsonl` or `demo/everyday.jsonl`.
#[derive(Deserialize)]
pub struct LabelledCall {
    pub id: String,
    pub vertical: String,
    pub turns: Vec<SpokenTurn>,
    pub label: Label,
}

/// A turn as calls.jsonl has it.
#[derive(Deserialize)]
pub struct SpokenTurn {
    role: String,
    text: String,
}

impl SpokenTurn {
    pub fn turn(&self) -> Turn {
        let role = match self.role.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            _ => Role::System,
        };
        Turn { role, speaker: None, text: self.text.clone() }
    }
}

/// What a person says of the call.
#[derive(Deserialize)]
pub struct Label {
    pub sentiment: f64,
    pub lead_score: i32,
    pub intent: Intent,
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
}

impl LabelledCall {
    pub fn analysis(&self) -> Analysis {
        let turns: Vec<Turn> = self.turns.iter().map(SpokenTurn::turn).collect();
        analyze(&turns, &self.vertical).0
    }
}

/// The `even` or the `odd` ones of a file's calls, counted from 1; all of them for any other word.
pub fn part(calls: Vec<LabelledCall>, which: &str) -> Vec<LabelledCall> {
    let keeps = |number: usize| match which {
        "even" => number.is_multiple_of(2),
        "odd" => !number.is_multiple_of(2),
        _ => true,
    };
    calls.into_iter().zip(1..).filter(|(_, number)| keeps(*number)).map(|(call, _)| call).collect()
}

/// Found and not found, right and wrong.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub right: u32,
    pub wrong: u32,
    pub missed: u32,
}

impl Counts {
    /// One yes-or-no answer.
    pub fn add(&mut self, truth: bool, answer: bool) {
        match (truth, answer) {
            (true, true) => self.right += 1,
            (false, true) => self.wrong += 1,
            (true, false) => self.missed += 1,
            (false, false) => {}
        }
    }

    /// One value that is there or not. A wrong value is both wrong and a miss.
    pub fn add_value(&mut self, truth: Option<&str>, answer: Option<&str>) {
        let right = truth.is_some() && truth == answer;
        self.right += u32::from(right);
        self.wrong += u32::from(!right && answer.is_some());
        self.missed += u32::from(!right && truth.is_some());
    }

    pub fn precision(self) -> f64 {
        f64::from(self.right) / f64::from((self.right + self.wrong).max(1))
    }

    pub fn recall(self) -> f64 {
        f64::from(self.right) / f64::from((self.right + self.missed).max(1))
    }

    pub fn f1(self) -> f64 {
        2.0 * f64::from(self.right) / f64::from((2 * self.right + self.wrong + self.missed).max(1))
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} right, {} wrong, {} missed", self.right, self.wrong, self.missed)
    }
}

/// The figures of the table.
#[derive(Debug)]
pub struct Measured {
    pub sentiment_mae: f64,
    pub constant_mae: f64,
    pub sentiment_rank: f64,
    pub lead_rank: f64,
    pub lead_mae: f64,
    pub constant_lead_mae: f64,
    pub intent_right: f64,
    pub constant_intent: f64,
    pub name: Counts,
    pub email: Counts,
    pub phone: Counts,
}

pub fn measure(calls: &[LabelledCall]) -> Measured {
    let found: Vec<Analysis> = calls.iter().map(LabelledCall::analysis).collect();
    let both = || calls.iter().map(|c| &c.label).zip(&found);
    let sentiments: Vec<(f64, f64)> = both().map(|(l, a)| (l.sentiment, a.sentiment)).collect();
    let leads: Vec<(f64, f64)> = both().map(|(l, a)| (f64::from(l.lead_score), f64::from(a.lead_score))).collect();
    let (median, lead_median) = (median(&sentiments), median_of(leads.iter().map(|(l, _)| *l)));
    let (mut name, mut email, mut phone) = (Counts::default(), Counts::default(), Counts::default());
    for (label, analysis) in both() {
        let lower = |text: &Option<String>| text.as_ref().map(|t| t.to_lowercase());
        name.add_value(lower(&label.name).as_deref(), lower(&analysis.entities.name).as_deref());
        email.add_value(label.email.as_deref(), analysis.entities.email.as_deref());
        phone.add_value(label.phone.as_deref(), analysis.entities.phone.as_deref());
    }
    let share = |right: usize| right as f64 / calls.len() as f64;
    Measured {
        sentiment_mae: mean_distance(&sentiments),
        constant_mae: mean_distance(&sentiments.iter().map(|(l, _)| (*l, median)).collect::<Vec<_>>()),
        sentiment_rank: spearman(&sentiments),
        lead_rank: spearman(&leads),
        lead_mae: mean_distance(&leads),
        constant_lead_mae: mean_distance(&leads.iter().map(|(l, _)| (*l, lead_median)).collect::<Vec<_>>()),
        intent_right: share(both().filter(|(l, a)| l.intent == a.intent).count()),
        constant_intent: share(both().filter(|(l, _)| l.intent == Intent::Booking).count()),
        name,
        email,
        phone,
    }
}

fn median(pairs: &[(f64, f64)]) -> f64 {
    median_of(pairs.iter().map(|(label, _)| *label))
}

fn median_of(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn mean_distance(pairs: &[(f64, f64)]) -> f64 {
    pairs.iter().map(|(a, b)| (a - b).abs()).sum::<f64>() / pairs.len() as f64
}

/// Spearman's rank correlation; equal values share their mean rank.
pub fn spearman(pairs: &[(f64, f64)]) -> f64 {
    let ranks = |values: Vec<f64>| -> Vec<f64> {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let mut rank: HashMap<u64, (f64, f64)> = HashMap::new();
        for (i, value) in sorted.iter().enumerate() {
            let (sum, count) = rank.entry(value.to_bits()).or_default();
            *sum += i as f64;
            *count += 1.0;
        }
        values.iter().map(|v| rank[&v.to_bits()]).map(|(sum, count)| sum / count).collect()
    };
    let a = ranks(pairs.iter().map(|(a, _)| *a + 0.0).collect());
    let b = ranks(pairs.iter().map(|(_, b)| *b + 0.0).collect());
    let mean = (pairs.len() as f64 - 1.0) / 2.0;
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

/// Print where the analyzer and the person disagree.
pub fn explain(call: &LabelledCall) {
    let (label, got) = (&call.label, call.analysis());
    let far = (label.sentiment - got.sentiment).abs() > 0.35 || (label.lead_score - got.lead_score).abs() > 20;
    let entities =
        label.name != got.entities.name || label.email != got.entities.email || label.phone != got.entities.phone;
    if !far && !entities && label.intent == got.intent {
        return;
    }
    println!("\n{}", call.id);
    println!(
        "  sentiment {:.2} → {:.2}, lead {} → {}",
        label.sentiment, got.sentiment, label.lead_score, got.lead_score
    );
    println!("  intent {} → {}", label.intent.as_str(), got.intent.as_str());
    for (label, got) in
        [(&label.name, &got.entities.name), (&label.email, &got.entities.email), (&label.phone, &got.entities.phone)]
    {
        if label != got {
            println!("  {label:?} → {got:?}");
        }
    }
}
