//! Digits that are spoken.

/// The digit of that name, in small letters.
pub fn digit_named(name: &str) -> Option<char> {
    const SPOKEN: [&[&str]; 10] = [
        &["zero", "oh", "o", "cero"],
        &["one", "uno"],
        &["two", "dos"],
        &["three", "tres"],
        &["four", "cuatro"],
        &["five", "cinco"],
        &["six", "seis"],
        &["seven", "siete"],
        &["eight", "ocho"],
        &["nine", "nueve"],
    ];
    SPOKEN.iter().position(|names| names.contains(&name)).and_then(|digit| char::from_digit(digit as u32, 10))
}

/// How often the digit after this word is meant.
pub fn times_named(word: &str) -> Option<usize> {
    match word {
        "double" | "doble" => Some(2),
        "triple" => Some(3),
        _ => None,
    }
}
