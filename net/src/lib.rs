//! HTTP with deadlines: questions go in on one thread, answers come out on the same one, and in between plain threads
//! talk to an OpenAI-compatible server, or to the receivers of webhooks. Nothing here knows Postgres.
//!
//! [`Pool`] is the whole surface. A question is answered exactly once, whatever the server, the network, DNS or a bug
//! of ours does to it: with a validated reply, or with a [`Failure`] whose [`Class`] says whose fault it was.

mod agent;
mod endpoint;
mod failure;
mod llm;
mod pool;
mod thread_pool;
mod webhook;

pub use endpoint::{ApiKey, BaseUrlError, Endpoint, check_url};
pub use failure::{Class, Failure, RETRY_AFTER_MAX};
pub use pool::{AnalysisRequest, AnalysisResponse, GRACE, Pool};
pub use webhook::{DeliveryError, DeliveryResult, WebhookRequest, check_resolved_addresses};
