-- Webhooks of those who send calls, handed on unread. In Rust (src/api/receive.rs, core/src/receive.rs).

CREATE FUNCTION voice_receive(format text, headers jsonb, body text, options jsonb DEFAULT '{}') RETURNS uuid
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_receive';
COMMENT ON FUNCTION voice_receive(text, jsonb, text, jsonb) IS
    'verifies the signature of a webhook as its sender makes it, then imports its body as voice_import() does; a replay is the same call';

CREATE FUNCTION voice_receive_secret(format text, secret text, overlap interval DEFAULT '0') RETURNS boolean
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'voice_receive_secret';
COMMENT ON FUNCTION voice_receive_secret(text, text, interval) IS
    'sets what webhooks of a format are signed with, for the session''s tenant; the one before is taken for so long beside it; NULL removes both';
