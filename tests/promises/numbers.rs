//! Numbers that people look for: telephone numbers, parts of codes and amounts, addresses; and whose they are.

use harness::voice::Voice;

/// What of these queries finds other calls than these, by their order.
fn wrong(voice: &mut Voice, said: &[&str], expected: &[(&str, &[usize])]) -> Vec<String> {
    let calls: Vec<String> = said.iter().map(|words| voice.call(&[("assistant", "Cedar."), ("user", words)])).collect();
    voice.drained();
    let mut wrong = Vec::new();
    for (query, places) in expected {
        let rows = voice
            .client
            .query("SELECT DISTINCT call_id::text FROM voice_search($1, max_rows => 100) WHERE role = 'user'", &[query])
            .unwrap();
        let mut found: Vec<usize> =
            rows.iter().filter_map(|row| calls.iter().position(|call| *call == row.get::<_, String>(0))).collect();
        found.sort_unstable();
        if found != *places {
            wrong.push(format!("{query} finds {found:?}"));
        }
    }
    wrong
}

#[test]
fn a_search_finds_a_telephone_number_in_any_usual_form() {
    let mut voice = Voice::start();
    let said = [
        "my number is 212-555-0142, call me.",
        "my number is (212) 555-0142, call me.",
        "my number is 212 555 0142, call me.",
        "my number is +1 212 555 0142, call me.",
        "my number is 2125550142, call me.",
        "my number is 212.555.0142, call me.",
        "my number is two one two, five five five, oh one four two, call me.",
        "my number is 212-555-0143, call me.",
        "my number is +44 (0)20 7946 0123, call me.",
        "my number is 020 7946 0123, call me.",
        "I was there in 2012 with 142 people.",
        "my number is 646-555-9142 and the end is 0142, call me.",
    ];
    let all: &[usize] = &[0, 1, 2, 3, 4, 5, 6];
    let both: &[usize] = &[8, 9];
    let expected: [(&str, &[usize]); 18] = [
        ("212-555-0142", all),
        ("(212) 555-0142", all),
        ("212 555 0142", all),
        ("2125550142", all),
        ("212.555.0142", all),
        ("+12125550142", all),
        ("+1 (212) 555-0142", all),
        ("1-212-555-0142", all),
        ("001 212 555 0142", all),
        ("0142", &[0, 1, 2, 3, 4, 5, 6, 11]),
        ("555-0142", all),
        ("\"212 555 0142\"", all),
        ("+44 20 7946 0123", both),
        ("+44 (0)20 7946 0123", both),
        ("011 44 20 7946 0123", both),
        ("020 7946 0123", both),
        ("212-555-0143", &[7]),
        ("212-555-0144", &[]),
    ];
    assert_eq!(wrong(&mut voice, &said, &expected), [""; 0]);
}

#[test]
fn a_number_is_searched_for_with_words_without_them_and_instead_of_another() {
    let mut voice = Voice::start();
    let said = ["a refund to 212-555-0142", "an appointment, 212 555 0142", "a refund to 646-555-0177", "a refund"];
    let expected: [(&str, &[usize]); 7] = [
        ("refund 2125550142", &[0]),
        ("+1 212 555 0142 appointment", &[1]),
        ("refund -212-555-0142", &[2, 3]),
        ("646 555 0177 or 212 555 0142", &[0, 1, 2]),
        ("appointment or 646-555-0177", &[1, 2]),
        ("refund -\"212 555 0142\" -6465550177", &[3]),
        ("refund", &[0, 2, 3]),
    ];
    assert_eq!(wrong(&mut voice, &said, &expected), [""; 0]);
    let headline = voice.text("SELECT headline FROM voice_search('+12125550142 refund')", &[]).unwrap();
    assert!(headline.contains("<b>refund</b>") && headline.contains("<b>212</b>"), "{headline}");
}

#[test]
fn a_search_finds_parts_of_codes_amounts_and_addresses() {
    let mut voice = Voice::start();
    let said = [
        "my confirmation code is AB-12345.",
        "it cost $1,250.00 in all.",
        "write to Dana.Whitfield@example.com please",
        "it's dana dot whitfield at example dot com",
        "I live at 221B Baker Street, apartment 12/14.",
        "order 49149534 is late",
    ];
    let expected: [(&str, &[usize]); 16] = [
        ("AB-12345", &[0]),
        ("ab12345", &[0]),
        ("AB 12345", &[0]),
        ("12345", &[0]),
        ("1250", &[1]),
        ("1,250", &[1]),
        ("$1,250.00", &[1]),
        ("dana.whitfield@example.com", &[2, 3]),
        ("example.com", &[2, 3]),
        ("whitfield", &[2, 3]),
        ("221", &[4]),
        ("221B Baker", &[4]),
        ("14 apartment", &[4]),
        ("49149534", &[5]),
        ("9534", &[5]),
        ("4914", &[]),
    ];
    assert_eq!(wrong(&mut voice, &said, &expected), [""; 0]);
}

#[test]
fn whoever_is_erased_is_named_where_others_mention_the_number() {
    let mut voice = Voice::start();
    let own = voice.call(&[("user", "my number is 212-555-0142")]);
    let other = voice.call(&[
        ("user", "ask my sister"),
        ("user", "it's two one two, five five five, oh one four two"),
        ("assistant", "(212) 555-0142?"),
    ]);
    voice.call(&[("user", "mine is 212-555-0143")]);
    voice.drained();
    voice
        .client
        .execute("UPDATE voice.call SET from_number = '+12125550142' WHERE id = $1::text::uuid", &[&own])
        .unwrap();
    let rows = voice
        .client
        .query("SELECT what, count, call_id::text FROM voice_erase_caller('(212) 555-0142') WHERE what IN ('call', 'mention')", &[])
        .unwrap();
    let rows: Vec<(String, i64, Option<String>)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    assert_eq!(rows, [("call".to_owned(), 1, None), ("mention".to_owned(), 2, Some(other))]);
    assert_eq!(voice.count("SELECT count(*) FROM voice.call WHERE from_number = '+12125550142'"), 0);
}
