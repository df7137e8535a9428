//! Whose number it is: what `voice_erase_caller` asks of numbers.

use pgrx::prelude::*;
use voice_core::phone::{Caller, NotACaller};
use voice_core::search;

/// `voice._not_a_caller`: why this is no caller's number; NULL: it is one.
#[pg_extern(sql = false)]
fn voice_not_a_caller(phone_number: Option<&str>) -> Option<&'static str> {
    match Caller::parse(phone_number.unwrap_or_default()) {
        Ok(_) => None,
        Err(NotACaller::TooShort) => Some("too short"),
        Err(NotACaller::Withheld) => Some("withheld"),
        Err(NotACaller::Placeholder) => Some("placeholder"),
    }
}

/// `voice._is_caller`: whether two numbers are one caller's.
#[pg_extern(sql = false)]
fn voice_is_caller(number: &str, wanted: &str) -> bool {
    matches!((Caller::parse(number), Caller::parse(wanted)), (Ok(number), Ok(wanted)) if number.is(&wanted))
}

/// `voice._international_number`: +12125550142; NULL where the country code is not known.
#[pg_extern(sql = false)]
fn voice_international_number(phone_number: &str) -> Option<String> {
    Caller::parse(phone_number).ok()?.international()
}

/// `voice._mentions`: whether the number is said in a text, in whatever form.
#[pg_extern(sql = false)]
fn voice_mentions(words: &str, phone_number: &str) -> bool {
    Caller::parse(phone_number).is_ok_and(|caller| search::mentions(words, &caller))
}
