-- The five old names as views over voice_analytics: the application's Prisma code and its SQL go on as they are, with four
-- lines of its schema changed (README.md), while they are moved model by model. After migrate.sql; PostgreSQL 15 or newer.
-- The old tables move to the schema before_voice, unread; DROP SCHEMA before_voice CASCADE once nobody misses them.
--
--   psql -v app=ROLE -f views.sql            ROLE: the application's role, which voice_grant() made writer and reader
\set ON_ERROR_STOP 1
\if :{?app}
\else
    \set app PUBLIC
\endif
BEGIN;
CREATE SCHEMA before_voice;
ALTER TABLE public."Agent" SET SCHEMA before_voice;
ALTER TABLE public."Call" SET SCHEMA before_voice;
ALTER TABLE public."Turn" SET SCHEMA before_voice;
ALTER TABLE public."ToolCall" SET SCHEMA before_voice;
ALTER TABLE public."Analytics" SET SCHEMA before_voice;

-- security_invoker: who asks sees what the tables let him see, of his tenant.
CREATE VIEW public."Agent" WITH (security_invoker) AS
SELECT id, name, vertical, prompt_hash AS "promptHash", voice, created_at AS "createdAt" FROM voice.agent WHERE deleted_at IS NULL;
CREATE VIEW public."Call" WITH (security_invoker) AS
SELECT id, agent_id AS "agentId", from_number AS "fromNumber", to_number AS "toNumber", started_at AS "startedAt", ended_at AS "endedAt",
       duration_ms AS "durationMs", status, recording_url AS "recordingUrl", meta FROM voice.call WHERE deleted_at IS NULL;
CREATE VIEW public."Turn" WITH (security_invoker) AS
SELECT id, call_id AS "callId", role, text, started_at AS "startedAt", ended_at AS "endedAt", audio_url AS "audioUrl" FROM voice.turn;
CREATE VIEW public."ToolCall" WITH (security_invoker) AS
SELECT id, call_id AS "callId", name, args, result, error_text AS "errorText", latency_ms AS "latencyMs", invoked_at AS "invokedAt"
FROM voice.tool_call;
CREATE VIEW public."Analytics" WITH (security_invoker) AS
SELECT call_id AS "callId", sentiment, lead_score AS "leadScore", intent, entities, computed_at AS "computedAt"
FROM voice.analytics WHERE deleted_at IS NULL;

COMMENT ON VIEW public."Agent" IS 'voice.agent under the name that Prisma gave it';
COMMENT ON VIEW public."Call" IS 'voice.call under the name that Prisma gave it';
COMMENT ON VIEW public."Turn" IS 'voice.turn under the name that Prisma gave it';
COMMENT ON VIEW public."ToolCall" IS 'voice.tool_call under the name that Prisma gave it';
COMMENT ON VIEW public."Analytics" IS 'voice.analytics under the name that Prisma gave it; written by the worker';

GRANT SELECT, INSERT, UPDATE ON public."Agent", public."Call", public."Turn", public."ToolCall" TO :app;
GRANT SELECT ON public."Analytics" TO :app;
COMMIT;
