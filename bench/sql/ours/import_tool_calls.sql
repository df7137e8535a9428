COPY voice.tool_call (call_id, name, args, result, error_text, latency_ms, invoked_at) FROM STDIN
