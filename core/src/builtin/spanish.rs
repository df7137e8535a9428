//! Callers who speak Spanish: enough not to be deaf to them, no more.
//!
//! VADER's lexicon is English. These few dozen words, with valences on its scale, tell a pleased caller from an angry
//! one and nothing finer.

use foldhash::{HashMap, HashSet};
use std::sync::LazyLock;

use super::sentiment::Felt;
use crate::text::{Stop, Utterance, list};

/// Words without which one cannot speak Spanish, and that English does not have.
static FUNCTION_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "el la los las que de un una por para con está estoy es mi muy hola gracias buenas buenos sí \
         quiero y se del al lo su qué favor",
    )
});

/// Valence, and the words that have it.
const FEELINGS: [(f64, &str); 21] = [
    (3.0, "excelente maravilloso maravillosa"),
    (2.8, "genial estupendo encanta encantó"),
    (2.7, "perfecto perfecta feliz"),
    (2.2, "contento contenta amable amables"),
    (2.0, "rico bonito"),
    (1.9, "agradezco"),
    (1.6, "mejor"),
    (1.5, "buena muchísimas"),
    (1.2, "bueno bien rápido interesa"),
    (-1.0, "nadie"),
    (-1.2, "fría"),
    (-1.5, "problema preocupado preocupada"),
    (-2.0, "mal queja"),
    (-2.1, "triste"),
    (-2.2, "molesto molesta"),
    (-2.3, "malo mala"),
    (-2.5, "peor enojado enojada"),
    (-2.6, "vergüenza"),
    (-2.8, "fatal inaceptable"),
    (-3.0, "horrible terrible furioso furiosa"),
    (-3.2, "pésimo pésima"),
];

static VALENCES: LazyLock<HashMap<&str, f64>> =
    LazyLock::new(|| FEELINGS.iter().flat_map(|(valence, words)| words.split(' ').map(|w| (w, *valence))).collect());

const NEGATIONS: [&str; 5] = ["no", "nunca", "ni", "sin", "tampoco"];

/// Whether a quarter of the caller's words are Spanish function words.
pub fn is_spoken(caller: &[&Utterance]) -> bool {
    let words = || caller.iter().flat_map(|s| &s.words).take(400);
    words().filter(|w| w.is_in(&FUNCTION_WORDS)).count() * 4 >= words().count()
}

/// As [`super::sentiment::sentiment`], with the words above; "no" within two words before turns a feeling around.
pub fn sentiment(caller: &[&Utterance]) -> Felt {
    Felt::over(caller, of_turn)
}

fn of_turn(said: &Utterance) -> f64 {
    let words = &said.words;
    let sum: f64 = (0..words.len())
        .filter_map(|i| {
            let valence = VALENCES.get(words[i].lower.as_str())?;
            let before = words[..i].iter().rev().take(2).take_while(|w| !w.ends_sentence());
            let negated = before.clone().any(|w| w.is_one_of(&NEGATIONS) && w.stop == Stop::No);
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
            let said = Utterance::new(Role::User, text);
            assert!(is_spoken(&[&said]), "{text}");
            sentiment(&[&said]).sentiment
        };
        assert!(of("Perfecto, muy amable, gracias por la ayuda.") > 0.5);
        assert!(of("El servicio fue pésimo, es una vergüenza.") < -0.5);
        assert!(of("La comida no está buena.") < 0.0);
    }

    #[test]
    fn english_is_not_taken_for_it() {
        assert!(!is_spoken(&[&Utterance::new(Role::User, "I'd like the El Camino apartment, a la carte, no thanks.")]));
    }
}
