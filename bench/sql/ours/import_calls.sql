COPY voice.call (id, agent_id, from_number, to_number, started_at, ended_at, duration_ms, status, recording_url, meta) FROM STDIN
