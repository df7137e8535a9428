//! Prints the tables of docs/redaction.md: what redaction replaces in a data set whose calls name what is in them, and in
//! the labelled cases.
//!
//!   cargo run --release -p voice_core --example measure_redaction -- [CALLS.jsonl[.gz]] [CASES.tsv] [--misses]
//!
//! Further cases are lines of the turn before, the turn, and what is to be replaced in it, apart by tabs. `--misses` prints
//! what comes out otherwise than it is labelled, of the cases that the rules may be tuned on.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::time::Instant;

use serde_json::Value;
use voice_core::pii::{Kind, find};

fn main() {
    let (options, paths): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let misses = options.iter().any(|option| option == "--misses");
    labelled("tuned", include_str!("../tests/redact/tuned.tsv"), misses);
    labelled("held out", include_str!("../tests/redact/held_out.tsv"), false);
    labelled("countries, tuned", include_str!("../tests/redact/countries_tuned.tsv"), misses);
    labelled("countries, held out", include_str!("../tests/redact/countries_held_out.tsv"), false);
    for path in paths {
        match path.ends_with(".tsv") {
            true => labelled(&path, &std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}")), misses),
            false => calls(&path),
        }
    }
}

fn labelled(name: &str, cases: &str, misses: bool) {
    let (mut lines, mut right, mut hits, mut expected_values, mut found_values) = (0, 0, 0, 0, 0);
    for line in cases.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let (before, text) = (columns.next().unwrap_or_default(), columns.next().unwrap_or_default());
        let expected: Vec<&str> = columns.next().unwrap_or_default().split_whitespace().collect();
        let found: Vec<String> =
            find(text, before).into_iter().map(|f| format!("{}={}", f.kind.as_str(), f.value)).collect();
        lines += 1;
        right += usize::from(found == expected);
        expected_values += expected.len();
        found_values += found.len();
        if misses && found != expected {
            println!("  {text}: {} and not {}", found.join(" "), expected.join(" "));
        }
        hits += found.iter().filter(|f| expected.contains(&f.as_str())).count();
    }
    println!(
        "{name}: {right} of {lines} lines right; {hits} of {expected_values} values found, {} of {found_values} found are none; \
         recall {:.3}, precision {:.3}",
        found_values - hits,
        hits as f64 / expected_values.max(1) as f64,
        hits as f64 / found_values.max(1) as f64
    );
}

fn calls(path: &str) {
    let file = File::open(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let reader: Box<dyn Read> =
        if path.ends_with(".gz") { Box::new(flate2::read::GzDecoder::new(file)) } else { Box::new(file) };
    let lines: Vec<String> = BufReader::new(reader).lines().map(|l| l.expect("a line")).collect();
    let (mut turns, mut bytes, mut numbers) = (0, 0, 0);
    // By kind: how many, how many of them are a phone number that the truth names, and the others.
    let mut by_kind: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    let (mut missed, mut named) = (BTreeMap::<String, usize>::new(), 0);
    let mut took = 0.0;
    for line in &lines {
        let call: Value = serde_json::from_str(line).expect("a call");
        let phones = phones(&call);
        let mut before = String::new();
        for turn in call["turns"].as_array().into_iter().flatten() {
            let text = turn["text"].as_str().unwrap_or_default();
            turns += 1;
            bytes += text.len();
            numbers += usize::from(text.chars().filter(char::is_ascii_digit).count() >= 5);
            let began = Instant::now();
            let found = find(text, &before);
            took += began.elapsed().as_secs_f64();
            for phone in phones.iter().filter(|phone| text.contains(phone.as_str())) {
                named += 1;
                if !found.iter().any(|f| national(&f.value) == national(phone)) {
                    *missed.entry(phone.clone()).or_default() += 1;
                }
            }
            for one in found {
                let said = &text[one.place.clone()];
                let known =
                    one.kind == Kind::Phone && phones.iter().any(|phone| national(phone) == national(&one.value));
                let count = by_kind.entry(one.kind.as_str()).or_default();
                count.0 += 1;
                count.1 += usize::from(known);
                if !known {
                    *others.entry(format!("{} {said}", one.kind.as_str())).or_default() += 1;
                }
            }
            before = text.to_owned();
        }
    }
    println!("{} calls, {turns} turns, {numbers} of them with five digits or more", lines.len());
    println!("{:.0} ns a turn, {:.0} MB/s", took / turns as f64 * 1e9, bytes as f64 / took / 1e6);
    for (kind, (count, known)) in by_kind {
        println!("{kind}: {count} replaced, {known} of them phone numbers that the data set names");
    }
    println!(
        "phone numbers that the data set names: {named} in turns, {} missed {missed:?}",
        missed.values().sum::<usize>()
    );
    println!("replaced and not named:");
    for (what, count) in others.iter().take(60) {
        println!("  {count} × {what}");
    }
}

/// Its digits, without the country's.
fn national(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    if digits.len() == 11 { digits.trim_start_matches('1').to_owned() } else { digits }
}

/// Whatever the data set says is a phone number: slots, arguments and results whose name says so.
fn phones(call: &Value) -> HashSet<String> {
    fn gather(value: &Value, is_phone: bool, into: &mut HashSet<String>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    gather(value, key.contains("phone") || (is_phone && key != "name"), into);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| gather(value, is_phone, into)),
            Value::String(text) if is_phone => _ = into.insert(text.clone()),
            _ => {}
        }
    }
    let mut phones = HashSet::new();
    gather(call, false, &mut phones);
    phones
}
