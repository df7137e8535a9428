//! What voice_analytics promises its users, each tried on a server of its own.

mod access;
mod analyzing;
mod bad_replies;
mod databases;
mod erasing;
mod fairness;
mod formats;
mod hostile_path;
mod importing;
mod injection;
mod installing;
mod late_words;
mod leaves;
mod limits;
mod months;
mod numbers;
mod orm;
mod outages;
mod poison;
mod privileges;
mod redacting;
mod searching;
mod settings;
mod upgrading;
mod vocabulary;
mod waking;
mod walls;
mod watching;
mod webhooks;

use harness::voice;
