//! The shared secret, and what is signed with it. The receiver's side is the official library of Standard Webhooks.

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Of every secret, as the specification has it, so that it is known for what it is wherever it turns up.
const PREFIX: &str = "whsec_";
/// Bytes of a secret that is made here.
pub const MADE_BYTES: usize = 32;
/// Bytes that the specification allows.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Secrets are read with their padding or without it: some tools leave it out.
const ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key that no `{:?}` prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// What is wrong with a secret. Says nothing of what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretError {
    /// It does not begin with `whsec_`.
    Prefix,
    /// What follows is not base64.
    NotBase64 { chars: usize },
    /// It has too few bytes or too many.
    Length { bytes: usize },
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretError::Prefix => write!(f, "It does not begin with {PREFIX}."),
            SecretError::NotBase64 { chars } => write!(f, "The {chars} characters after {PREFIX} are not base64."),
            SecretError::Length { bytes } => {
                write!(f, "It has {bytes} bytes; {} to {} are allowed.", BYTES.start(), BYTES.end())
            }
        }
    }
}

impl Secret {
    /// Of random bytes.
    pub fn new(random: [u8; MADE_BYTES]) -> Secret {
        Secret(random.to_vec())
    }

    /// As it is written: `whsec_` and base64, padded or not. White space around it is dropped.
    pub fn parse(text: &str) -> Result<Secret, SecretError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let bytes =
            ANY_PADDING.decode(encoded).map_err(|_| SecretError::NotBase64 { chars: encoded.chars().count() })?;
        if BYTES.contains(&bytes.len()) { Ok(Secret(bytes)) } else { Err(SecretError::Length { bytes: bytes.len() }) }
    }

    /// The secret itself, for its table, for who made it, and for scrubbing, for nothing else.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", BASE64.encode(&self.0))
    }

    /// The `webhook-signature` of one attempt: HMAC-SHA256 over id, timestamp (Unix seconds) and body.
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        self.mac(id, timestamp, body)
            .map_or_else(String::new, |mac| format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
    }

    /// Whether these bytes are its signature, in a time that tells nothing of where they differ.
    pub fn verifies(&self, id: &str, timestamp: u64, body: &[u8], signature: &[u8]) -> bool {
        self.mac(id, timestamp, body).is_some_and(|mac| mac.verify_slice(signature).is_ok())
    }

    fn mac(&self, id: &str, timestamp: u64, body: &[u8]) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of every length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Some(mac)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_specifications() {
        // The example that the official libraries test themselves with.
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_read_as_it_is_written() {
        let secret = Secret::new([7; MADE_BYTES]);
        assert_eq!(Secret::parse(&format!(" {}\n", secret.expose())), Ok(secret.clone()));
        assert_eq!(Secret::parse(secret.expose().trim_end_matches('=')), Ok(secret.clone()));
        assert_eq!(format!("{secret:?}"), "***");
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_repeated() {
        let of_bytes = |n: usize| format!("whsec_{}", BASE64.encode(vec![1; n]));
        for (text, fault) in [
            ("", SecretError::Prefix),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SecretError::Prefix),
            ("whsec_not base64!", SecretError::NotBase64 { chars: 11 }),
            ("whsec_", SecretError::Length { bytes: 0 }),
            (&of_bytes(23), SecretError::Length { bytes: 23 }),
            (&of_bytes(65), SecretError::Length { bytes: 65 }),
        ] {
            assert_eq!(Secret::parse(text), Err(fault), "{text}");
        }
        assert!(Secret::parse(&of_bytes(24)).is_ok() && Secret::parse(&of_bytes(64)).is_ok());
        assert!(!SecretError::NotBase64 { chars: 11 }.to_string().contains("not base64!"));
    }
}
