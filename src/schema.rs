//! The table of contents of `sql/`: what is installed, in which order, by true needs only.

use pgrx::prelude::*;

extension_sql_file!("../sql/schema.sql", name = "schema", bootstrap);

// Code that tables use: ids, rules, the queue's triggers.
extension_sql_file!("../sql/functions/uuid.sql", name = "uuid", requires = ["schema"]);
extension_sql_file!("../sql/functions/call_rules.sql", name = "call_rules", requires = ["schema"]);
extension_sql_file!("../sql/functions/queue.sql", name = "queue", requires = ["schema"]);
extension_sql_file!("../sql/functions/webhook.sql", name = "webhook_rules", requires = ["schema"]);

// Tables: each file declares the function that creates its own.
extension_sql_file!("../sql/tables/private.sql", name = "private", requires = ["schema"]);
extension_sql_file!("../sql/tables/agent.sql", name = "agent", requires = ["schema"]);
extension_sql_file!("../sql/tables/call.sql", name = "call", requires = ["schema"]);
extension_sql_file!("../sql/tables/turn.sql", name = "turn", requires = ["schema"]);
extension_sql_file!("../sql/tables/transcript_chunk.sql", name = "transcript_chunk", requires = ["schema"]);
extension_sql_file!("../sql/tables/tool_call.sql", name = "tool_call", requires = ["schema"]);
extension_sql_file!("../sql/tables/analytics.sql", name = "analytics", requires = ["schema"]);
extension_sql_file!("../sql/tables/attempt.sql", name = "attempt", requires = ["schema"]);
extension_sql_file!("../sql/tables/search_document.sql", name = "search_document", requires = ["schema"]);
extension_sql_file!("../sql/tables/queue.sql", name = "job", requires = ["schema"]);
extension_sql_file!("../sql/tables/webhook.sql", name = "webhook", requires = ["schema"]);
extension_sql_file!("../sql/tables/state.sql", name = "state", requires = ["schema"]);
extension_sql_file!("../sql/tables/tenant_limit.sql", name = "tenant_limit", requires = ["schema"]);
extension_sql_file!("../sql/tables/pin.sql", name = "pin", requires = ["schema"]);
extension_sql_file!("../sql/tables/erasure.sql", name = "erasure", requires = ["schema"]);
extension_sql_file!("../sql/tables/leaf.sql", name = "leaf", requires = ["schema"]);
extension_sql_file!("../sql/tables/month.sql", name = "month", requires = ["schema"]);
extension_sql_file!("../sql/tables/stranded.sql", name = "stranded", requires = ["schema"]);
extension_sql_file!("../sql/tables/retention.sql", name = "retention", requires = ["schema"]);
extension_sql_file!("../sql/tables/daily.sql", name = "daily", requires = ["schema"]);

// What people call. Bodies are strings, so nothing here needs a table to stand first.
extension_sql_file!("../sql/functions/transcript.sql", name = "transcript", requires = ["schema"]);
extension_sql_file!("../sql/functions/ingest.sql", name = "ingest", requires = ["schema"]);
extension_sql_file!("../sql/functions/import.sql", name = "import", requires = ["schema"]);
extension_sql_file!("../sql/functions/leads.sql", name = "leads", requires = ["schema"]);
extension_sql_file!("../sql/functions/search.sql", name = "search", requires = ["schema"]);
extension_sql_file!("../sql/functions/operate.sql", name = "operate", requires = ["schema"]);
extension_sql_file!("../sql/functions/status.sql", name = "status", requires = ["schema"]);
// A view is parsed when it is made.
extension_sql_file!("../sql/functions/metrics.sql", name = "metrics", requires = ["private", "uuid", "queue", "leaf"]);
extension_sql_file!("../sql/functions/rollup.sql", name = "rollup", requires = ["schema"]);
extension_sql_file!("../sql/functions/backfill.sql", name = "backfill", requires = ["schema"]);
extension_sql_file!("../sql/functions/schedule.sql", name = "schedule", requires = ["schema"]);
extension_sql_file!("../sql/functions/access.sql", name = "access", requires = ["schema"]);
extension_sql_file!("../sql/functions/guard.sql", name = "guard", requires = ["schema"]);
extension_sql_file!("../sql/functions/erase.sql", name = "erase", requires = ["schema"]);

// Creates the tables: everything they are made of stands before it, nothing needs to come after it.
extension_sql_file!("../sql/tables/install.sql", name = "install", finalize);
