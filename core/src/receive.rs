//! Whether a webhook comes from whom it says: signatures of those who send calls. Pure; the clock is the caller's.
//!
//! Retell: docs.retellai.com/features/secure-webhook and retell-sdk 6.2.13. ElevenLabs: elevenlabs.io/docs, post-call
//! webhooks, and elevenlabs-python `webhooks.construct_event`. Vapi: a header that is the secret itself. All others: Standard
//! Webhooks (github.com/standard-webhooks/standard-webhooks, spec 1.0), as OpenAI signs.

use crate::webhook::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;

const MINUTE_MS: i64 = 60_000;

/// Why a webhook is not taken. Says nothing of the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The headers are no JSON object.
    Headers,
    /// A header that the scheme wants is not there.
    Missing(&'static str),
    /// It is there and says something else.
    Malformed(&'static str),
    /// Signed so many milliseconds before now (negative: after).
    Stale { age_ms: i64 },
    /// The signature is another one.
    Mismatch,
    /// The secret is none of the scheme.
    Secret,
}

/// How the senders of a format sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Retell,
    Elevenlabs,
    Vapi,
    Standard,
}

fn scheme(format: &str) -> Scheme {
    match format {
        "retell" => Scheme::Retell,
        "elevenlabs" => Scheme::Elevenlabs,
        "vapi" => Scheme::Vapi,
        _ => Scheme::Standard,
    }
}

/// Whether the secret could sign for this format: Standard Webhooks' begin with `whsec_`, the others are any text.
pub fn check_secret(format: &str, secret: &str) -> Result<(), Refusal> {
    let fits = match scheme(format) {
        Scheme::Standard => Secret::parse(secret).is_ok(),
        _ => !secret.trim().is_empty(),
    };
    if fits { Ok(()) } else { Err(Refusal::Secret) }
}

/// `headers` is a JSON object, its names in any case; `now_ms` is milliseconds since 1970.
pub fn verify(format: &str, headers: &str, body: &str, secret: &str, now_ms: i64) -> Result<(), Refusal> {
    let headers: Map<String, Value> = serde_json::from_str(headers).map_err(|_| Refusal::Headers)?;
    match scheme(format) {
        Scheme::Retell => retell(&headers, body, secret, now_ms),
        Scheme::Elevenlabs => elevenlabs(&headers, body, secret, now_ms),
        Scheme::Vapi => {
            let given = header(&headers, "x-vapi-secret")
                .or_else(|| header(&headers, "authorization")?.strip_prefix("Bearer "))
                .ok_or(Refusal::Missing("x-vapi-secret"))?;
            // Two texts are compared by what they sign: in a time that tells nothing of where they differ.
            let proof = |key: &str| mac(key.as_bytes(), &["vapi"]).map(|mac| mac.finalize().into_bytes());
            let proof_of_given = proof(given).ok_or(Refusal::Secret)?;
            let ours = mac(secret.as_bytes(), &["vapi"]).ok_or(Refusal::Secret)?;
            ours.verify_slice(&proof_of_given).map_err(|_| Refusal::Mismatch)
        }
        Scheme::Standard => standard(&headers, body, secret, now_ms),
    }
}

/// `X-Retell-Signature: v=<ms since 1970>,d=<hex of HMAC(body, time)>`, by the API key.
fn retell(headers: &Map<String, Value>, body: &str, secret: &str, now_ms: i64) -> Result<(), Refusal> {
    const NAME: &str = "x-retell-signature";
    let value = header(headers, NAME).ok_or(Refusal::Missing(NAME))?;
    let (at, given) = (part(value, "v=").ok_or(Refusal::Malformed(NAME))?, part(value, "d=").and_then(bytes));
    let at_ms: i64 = at.parse().map_err(|_| Refusal::Malformed(NAME))?;
    let given = given.ok_or(Refusal::Malformed(NAME))?;
    let mac = mac(secret.as_bytes(), &[body, at]).ok_or(Refusal::Secret)?;
    mac.verify_slice(&given).map_err(|_| Refusal::Mismatch)?;
    within(at_ms, now_ms, 5 * MINUTE_MS)
}

/// `ElevenLabs-Signature: t=<s since 1970>,v0=<hex of HMAC(time.body)>`.
fn elevenlabs(headers: &Map<String, Value>, body: &str, secret: &str, now_ms: i64) -> Result<(), Refusal> {
    const NAME: &str = "elevenlabs-signature";
    let value = header(headers, NAME).ok_or(Refusal::Missing(NAME))?;
    let (at, given) = (part(value, "t=").ok_or(Refusal::Malformed(NAME))?, part(value, "v0=").and_then(bytes));
    let at_s: i64 = at.parse().map_err(|_| Refusal::Malformed(NAME))?;
    let given = given.ok_or(Refusal::Malformed(NAME))?;
    let mac = mac(secret.as_bytes(), &[at, ".", body]).ok_or(Refusal::Secret)?;
    mac.verify_slice(&given).map_err(|_| Refusal::Mismatch)?;
    within(at_s.saturating_mul(1000), now_ms, 30 * MINUTE_MS)
}

fn standard(headers: &Map<String, Value>, body: &str, secret: &str, now_ms: i64) -> Result<(), Refusal> {
    let of = |name| header(headers, name).ok_or(Refusal::Missing(name));
    let (id, at, signatures) = (of("webhook-id")?, of("webhook-timestamp")?, of("webhook-signature")?);
    let at_s: u64 = at.parse().map_err(|_| Refusal::Malformed("webhook-timestamp"))?;
    let secret = Secret::parse(secret).map_err(|_| Refusal::Secret)?;
    // Of several signatures one is enough: the sender may be changing its secret.
    let is_ours = |signature: &str| {
        let given = signature.strip_prefix("v1,").and_then(|text| BASE64.decode(text).ok());
        given.is_some_and(|given| secret.verifies(id, at_s, body.as_bytes(), &given))
    };
    if !signatures.split_whitespace().any(is_ours) {
        return Err(Refusal::Mismatch);
    }
    within(i64::try_from(at_s).unwrap_or(i64::MAX).saturating_mul(1000), now_ms, 5 * MINUTE_MS)
}

fn within(at_ms: i64, now_ms: i64, tolerance_ms: i64) -> Result<(), Refusal> {
    let age_ms = now_ms.saturating_sub(at_ms);
    if age_ms.saturating_abs() <= tolerance_ms { Ok(()) } else { Err(Refusal::Stale { age_ms }) }
}

/// The value, or the first of several.
fn header<'a>(headers: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let (_, value) = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    match value {
        Value::Array(values) => values.first()?.as_str(),
        value => value.as_str(),
    }
}

fn part<'a>(value: &'a str, key: &str) -> Option<&'a str> {
    value.split(',').find_map(|part| part.trim().strip_prefix(key))
}

/// Of hexadecimal digits.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

fn mac(key: &[u8], parts: &[&str]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    parts.iter().for_each(|part| mac.update(part.as_bytes()));
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const NOW: i64 = 1_785_312_000_000;

    fn hex(mac: Hmac<Sha256>) -> String {
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn each_sender_is_known_by_its_signature() {
        let retell = format!("v={NOW},d={}", hex(mac(b"key", &["{}", &NOW.to_string()]).unwrap()));
        let elevenlabs = format!("t={},v0={}", NOW / 1000, hex(mac(b"key", &["1785312000", ".", "{}"]).unwrap()));
        let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let signed = Secret::parse(key).unwrap().sign("msg_1", 1_785_312_000, b"{}");
        let standard = json!({ "webhook-id": "msg_1", "Webhook-Timestamp": "1785312000", "webhook-signature": format!("v1,AAAA {signed}") });
        let cases = [
            ("retell", json!({ "X-Retell-Signature": retell }), "key"),
            ("elevenlabs", json!({ "ElevenLabs-Signature": [elevenlabs] }), "key"),
            ("vapi", json!({ "X-Vapi-Secret": "key" }), "key"),
            ("vapi", json!({ "authorization": "Bearer key" }), "key"),
            ("openai_realtime", standard, key),
        ];
        for (format, headers, secret) in cases {
            let headers = headers.to_string();
            assert_eq!(verify(format, &headers, "{}", secret, NOW), Ok(()), "{format}");
            let other = if secret == "key" { "other" } else { "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
            assert_eq!(verify(format, &headers, "{}", other, NOW), Err(Refusal::Mismatch), "{format}");
            assert!(matches!(verify(format, "{}", "{}", secret, NOW), Err(Refusal::Missing(_))), "{format}");
            if format != "vapi" {
                assert_eq!(verify(format, &headers, "{ }", secret, NOW), Err(Refusal::Mismatch), "{format}");
                let late = verify(format, &headers, "{}", secret, NOW + 31 * MINUTE_MS);
                assert_eq!(late, Err(Refusal::Stale { age_ms: 31 * MINUTE_MS }), "{format}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(format in "retell|elevenlabs|vapi|vcon", value in ".{0,60}") {
            let headers = json!({ "x-retell-signature": value, "elevenlabs-signature": value, "x-vapi-secret": value,
                "webhook-id": value, "webhook-timestamp": value, "webhook-signature": value });
            let verified = verify(&format, &headers.to_string(), "{}", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", NOW);
            prop_assert!(verified.is_err());
        }
    }
}
