//! HTTP with deadlines: requests go in on one thread, responses come out on the same one, and in between another thread
//! talks to a model's server, or to the receivers of webhooks. Nothing here knows Postgres, and nothing here knows JSON:
//! what is said and what an answer means is in `voice_core::protocol` and `voice_core::webhook`.
//!
//! A [`Pool`] answers every request exactly once, whatever the server, the network, DNS or a bug here does to it.
//! All pools of a loop share one [`Waker`].

mod connect;
mod endpoint;
pub mod llm;
mod names;
mod pool;
mod runtime;
mod styles;
mod task;
mod transport;
mod transport_error;
mod waker;
pub mod webhook;

pub use endpoint::{ApiKey, Endpoint, Header};
pub use llm::{AnalysisRequest, AnalysisResponse};
pub use pool::{GRACE, Pool};
pub use styles::SharedStyles;
pub use task::{Task, TaskError};
pub use transport::RETRY_AFTER_MAX;
pub use voice_core::protocol::{Class, Failure};
pub use voice_core::webhook::delivery::DeliveryError;
pub use waker::Waker;
pub use webhook::{DeliveryResult, WebhookRequest, check_resolved_addresses};
