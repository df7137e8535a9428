//! Callers who speak Spanish: enough not to be deaf to them, no more.
//!
//! VADER's lexicon is English. These few dozen words, with valences on its scale, tell a pleased caller from an angry
//! one and nothing finer.

use super::sentiment::weighted_mean;
use super::words::Said;

/// Words without which one cannot speak Spanish, and that English does not have.
const FUNCTION_WORDS: [&str; 30] = [
    "el", "la", "los", "las", "que", "de", "un", "una", "por", "para", "con", "está", "estoy", "es", "mi", "muy",
    "hola", "gracias", "buenas", "buenos", "sí", "quiero", "y", "se", "del", "al", "lo", "su", "qué", "favor",
];

const FEELINGS: [(&str, f64); 48] = [
    ("perfecto", 2.7),
    ("perfecta", 2.7),
    ("excelente", 3.0),
    ("maravilloso", 3.0),
    ("maravillosa", 3.0),
    ("genial", 2.8),
    ("estupendo", 2.8),
    ("bueno", 1.2),
    ("buena", 1.5),
    ("bien", 1.2),
    ("mejor", 1.6),
    ("feliz", 2.7),
    ("contento", 2.2),
    ("contenta", 2.2),
    ("encanta", 2.8),
    ("encantó", 2.8),
    ("amable", 2.2),
    ("amables", 2.2),
    ("muchísimas", 1.5),
    ("agradezco", 1.9),
    ("rico", 2.0),
    ("bonito", 2.0),
    ("rápido", 1.2),
    ("interesa", 1.2),
    ("malo", -2.3),
    ("mala", -2.3),
    ("mal", -2.0),
    ("pésimo", -3.2),
    ("pésima", -3.2),
    ("peor", -2.5),
    ("horrible", -3.0),
    ("terrible", -3.0),
    ("fatal", -2.8),
    ("vergüenza", -2.6),
    ("inaceptable", -2.8),
    ("molesto", -2.2),
    ("molesta", -2.2),
    ("enojado", -2.5),
    ("enojada", -2.5),
    ("furioso", -3.0),
    ("furiosa", -3.0),
    ("problema", -1.5),
    ("queja", -2.0),
    ("triste", -2.1),
    ("preocupado", -1.5),
    ("preocupada", -1.5),
    ("fría", -1.2),
    ("nadie", -1.0),
];

const NEGATIONS: [&str; 5] = ["no", "nunca", "ni", "sin", "tampoco"];

/// Whether a quarter of the caller's words are Spanish function words.
pub fn is_spoken(caller: &[&Said]) -> bool {
    let words = || caller.iter().flat_map(|s| &s.words).take(400);
    words().filter(|w| w.is_one_of(&FUNCTION_WORDS)).count() * 4 >= words().count()
}

/// As [`super::sentiment::sentiment`], with the words above; "no" within two words before turns a feeling around.
pub fn sentiment(caller: &[&Said]) -> f64 {
    weighted_mean(caller.iter().map(|s| of_turn(s)))
}

fn of_turn(said: &Said) -> f64 {
    let words = &said.words;
    let sum: f64 = (0..words.len())
        .filter_map(|i| {
            let (_, valence) = FEELINGS.iter().find(|(word, _)| words[i].is(word))?;
            let before = words[..i].iter().rev().take(2).take_while(|w| !w.ends_sentence());
            let negated = before.clone().any(|w| w.is_one_of(&NEGATIONS) && w.stop == super::words::Stop::No);
            Some(if negated { -0.74 * valence } else { *valence })
        })
        .sum();
    sum / (sum * sum + 15.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Role;

    #[test]
    fn tells_a_pleased_caller_from_an_angry_one() {
        let of = |text: &str| {
            let said = Said::new(Role::User, text);
            assert!(is_spoken(&[&said]), "{text}");
            sentiment(&[&said])
        };
        assert!(of("Perfecto, muy amable, gracias por la ayuda.") > 0.5);
        assert!(of("El servicio fue pésimo, es una vergüenza.") < -0.5);
        assert!(of("La comida no está buena.") < 0.0);
    }

    #[test]
    fn english_is_not_taken_for_it() {
        assert!(!is_spoken(&[&Said::new(Role::User, "I'd like the El Camino apartment, a la carte, no thanks.")]));
    }
}
