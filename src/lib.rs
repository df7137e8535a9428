//! voice_analytics: the data layer and post-call analytics of AI voice agents, inside PostgreSQL.
//! `docs/architecture.md` shows the flow of a call through these rooms.

use pgrx::prelude::*;

mod api;
mod schema;

pg_module_magic!(name, version);
