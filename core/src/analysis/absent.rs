//! Words that models write where nothing was said, though the prompt asks for null.

/// The whole value, in small letters, without what stands around it.
const WORDS: &[&str] = &[
    "n/a",
    "n.a",
    "n/k",
    "none",
    "null",
    "nil",
    "undefined",
    "unknown",
    "unspecified",
    "unavailable",
    "undisclosed",
    "tbd",
    "anonymous",
    "withheld",
    "unknown caller",
    "none provided",
    "none given",
    "none mentioned",
    "none stated",
    "no proporcionado",
    "no proporcionada",
    "no mencionado",
    "no especificado",
    "no indicado",
    "desconocido",
    "desconocida",
    "nicht angegeben",
    "nicht genannt",
    "unbekannt",
    "non fourni",
    "non communiqué",
    "inconnu",
    "inconnue",
    "non fornito",
    "sconosciuto",
    "não informado",
    "desconhecido",
    "niet opgegeven",
    "onbekend",
    "неизвестно",
    "未知",
    "不明",
    "なし",
];
/// What follows "not": "not provided", "name was not given".
const NOT: &[&str] = &[
    "provided",
    "given",
    "stated",
    "mentioned",
    "specified",
    "available",
    "said",
    "known",
    "disclosed",
    "applicable",
    "shared",
    "asked",
    "supplied",
    "found",
    "recorded",
    "identified",
    "included",
];
/// What follows "no": "no phone number", "no name given".
const NO: &[&str] = &["name", "email", "e-mail", "phone", "number", "telephone", "contact", "topic", "information"];

/// Whether the value is a word for nothing. "Na" is a name, "NA" and "na" are none.
pub(super) fn is_nothing(value: &str) -> bool {
    let Some(small) = bare(value) else { return true };
    let words: Vec<&str> = small.split_whitespace().collect();
    WORDS.contains(&small.as_str()) || matches!(words[..], ["not", word] if NOT.contains(&word))
}

/// The same for values that are a name or a number: a short sentence that says so as well.
pub(super) fn is_absent(value: &str) -> bool {
    let Some(small) = bare(value) else { return true };
    let words: Vec<&str> = small.split_whitespace().collect();
    let says_so = |pair: &[&str]| match pair[0] {
        "not" => NOT.contains(&pair[1]),
        "no" => NO.contains(&pair[1]),
        _ => false,
    };
    is_nothing(value) || (words.len() <= 7 && words.windows(2).any(says_so))
}

/// In small letters, without marks around it; `None`: nothing is left.
fn bare(value: &str) -> Option<String> {
    let is_mark = |c: char| c.is_whitespace() || (c.is_ascii_punctuation() && c != '+') || matches!(c, '–' | '—' | '…');
    let bare = value.trim_matches(is_mark);
    (!bare.is_empty() && !matches!(bare, "NA" | "na")).then(|| bare.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::is_absent;

    #[test]
    fn words_for_nothing_are_nothing() {
        for word in [
            "N/A",
            "n/a",
            "NA",
            "null",
            "None",
            "Unknown",
            "not provided",
            "Not given.",
            "-",
            "—",
            "(none)",
            "[unknown]",
            "",
            "Name not provided",
            "not provided by the caller",
            "No email",
            "N.A.",
            "\"null\"",
            "Caller's email was not given",
            "nicht angegeben",
            "不明",
            "...",
            "Not Mentioned",
            "no phone number provided",
        ] {
            assert!(is_absent(word), "{word}");
        }
    }

    #[test]
    fn names_stay_names() {
        for name in [
            "Na",
            "Dana",
            "Nora Null",
            "Noah",
            "Notting Hill Dental",
            "Mr. No",
            "Nikolai",
            "X Æ A-12",
            "Nan Goldin",
            "A",
            "李娜",
            "[EMAIL_1]",
        ] {
            assert!(!is_absent(name), "{name}");
        }
    }
}
