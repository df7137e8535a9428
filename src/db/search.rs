//! Search documents: what the server makes of words is asked for once.

use super::DbError;
use pgrx::spi::SpiClient;
use voice_core::tsvector_cache::{Document, TsvectorCache};

/// Follows every piece that is asked about; where it comes to stand says how many places the piece takes.
const NEXT_WORD: &str = "zqxwvu";
/// More unknown pieces than that in one batch are no vocabulary.
const PIECES_MAX: usize = 20_000;

/// The configuration that documents are made with, and what is known of it.
#[derive(Default)]
pub struct Search {
    config: String,
    /// `None`: it looks at more than one word at a time, or does not know every word.
    words: Option<Words>,
}

struct Words {
    cache: TsvectorCache,
    /// What the configuration makes of the next word.
    next: String,
}

impl Search {
    /// Of this name, and nothing known of it: documents are the server's work.
    pub fn by_name(config: &str) -> Search {
        Search { config: config.to_owned(), words: None }
    }

    /// Of this name; an error if there is none. What was known is forgotten: it may be another by now.
    pub fn begin(client: &mut SpiClient<'_>, config: &str) -> Result<Search, DbError> {
        let arguments = [config.into(), NEXT_WORD.into()];
        let row = client.select(include_str!("../../sql/queries/search_config.sql"), Some(1), &arguments)?.first();
        let by_word = row.get::<bool>(1)?.unwrap_or(false);
        let words = match row.get::<Vec<String>>(2)?.unwrap_or_default().as_slice() {
            [next] if by_word => Some(Words { cache: TsvectorCache::default(), next: next.clone() }),
            _ => None,
        };
        Ok(Search { words, ..Search::by_name(config) })
    }

    pub fn config(&self) -> &str {
        &self.config
    }

    /// The documents of texts, in their order, each with the further lexemes that stand beside it. None is
    /// [`Document::Unknown`].
    pub fn documents(
        &mut self,
        client: &mut SpiClient<'_>,
        texts: &[(&str, Vec<String>)],
    ) -> Result<Vec<Document>, DbError> {
        let Some(words) = &mut self.words else { return Ok(texts.iter().map(|_| Document::Unfit).collect()) };
        let mut documents: Vec<Document> = texts.iter().map(|(text, more)| words.cache.document(text, more)).collect();
        let unknown = |document: &Document| matches!(document, Document::Unknown);
        if documents.iter().any(unknown) {
            words.learn_pieces(client, &self.config, texts)?;
            // Room may have been made for new pieces: each is read again.
            let again = |(text, more): &(&str, Vec<String>)| match words.cache.document(text, more) {
                Document::Unknown => Document::Unfit,
                document => document,
            };
            documents = texts.iter().map(again).collect();
        }
        Ok(documents)
    }
}

impl Words {
    /// Asks the server for the pieces of these texts that are not known yet.
    fn learn_pieces(
        &mut self,
        client: &mut SpiClient<'_>,
        config: &str,
        texts: &[(&str, Vec<String>)],
    ) -> Result<(), DbError> {
        let texts: Vec<&str> = texts.iter().map(|(text, _)| *text).collect();
        let mut missing = self.cache.missing_of(&texts);
        if !missing.is_empty() && missing.len() <= PIECES_MAX {
            if self.cache.make_room(missing.len()) {
                missing = self.cache.missing_of(&texts);
            }
            self.learn(client, config, missing.into_iter().map(str::to_owned).collect())?;
        }
        Ok(())
    }

    fn learn(&mut self, client: &mut SpiClient<'_>, config: &str, pieces: Vec<String>) -> Result<(), DbError> {
        let arguments = [config.into(), pieces.clone().into(), NEXT_WORD.into()];
        let rows = client.select(include_str!("../../sql/queries/search_pieces.sql"), None, &arguments)?;
        let (mut nth, mut lexemes) = (0, Vec::new());
        for row in rows {
            let ord: i32 = row.get(1)?.unwrap_or_default();
            if ord != nth {
                self.keep(&pieces, nth, std::mem::take(&mut lexemes));
                nth = ord;
            }
            let lexeme: String = row.get(2)?.unwrap_or_default();
            for place in row.get::<Vec<i16>>(3)?.unwrap_or_default() {
                lexemes.push((lexeme.clone(), place as u16));
            }
        }
        self.keep(&pieces, nth, lexemes);
        Ok(())
    }

    /// The next word is the last of all; without it, nothing is known of the piece.
    fn keep(&mut self, pieces: &[String], nth: i32, mut lexemes: Vec<(String, u16)>) {
        let Some(piece) = usize::try_from(nth - 1).ok().and_then(|n| pieces.get(n)) else { return };
        let Some(last) = lexemes.iter().map(|(_, place)| *place).max() else { return };
        let takes = last - 1;
        let is_next = |(lexeme, place): &(String, u16)| *place == last && *lexeme == self.next;
        if lexemes.iter().filter(|l| l.1 == last).all(is_next) {
            lexemes.retain(|l| l.1 != last);
            self.cache.learn(piece, &lexemes, takes);
        }
    }
}
