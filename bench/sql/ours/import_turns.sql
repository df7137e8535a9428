COPY voice.turn (call_id, role, text, started_at, ended_at, audio_url) FROM STDIN
