//! The page of `voice_report()`: what `voice_report_data()` gave, as one HTML file that asks nobody for anything.

mod calls;
mod chart;
mod data;
mod format;
mod money;
mod overview;
mod page;
mod sections;
#[cfg(test)]
mod tests;

pub use data::Data;

/// What a page may have, in bytes.
pub const MAX_BYTES: usize = 300_000;

/// The page, [`MAX_BYTES`] long at most. The text is the JSON of `voice_report_data()`; an error says where it is not.
pub fn render(json: &str) -> Result<String, String> {
    let mut data: Data = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let mut page = page::page(&data).into_string();
    // Only hostile words are that long: escaped, a character may have five bytes.
    for rows in [20, 8, 2] {
        if page.len() <= MAX_BYTES {
            break;
        }
        data.shorten(rows, 60 * rows);
        page = page::page(&data).into_string();
    }
    Ok(page)
}
