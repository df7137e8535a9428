COPY voice.agent (id, name, vertical, prompt_hash, voice, created_at) FROM STDIN
