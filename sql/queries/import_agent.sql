-- Of either unique index: two imports may make the agent at once.
INSERT INTO voice.agent (id, tenant_id, name, vertical, prompt_hash, voice) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
