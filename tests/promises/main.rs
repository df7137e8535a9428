//! What voice_analytics promises its users, each tried on a server of its own.

mod installing;
