# shellcheck shell=bash
# Sourced by demo/run: one call of each format that voice_import() takes, from the samples of core's tests.

# FORMAT, SAMPLE and what the sample does not say of itself.
formats=(
    'retell|retell|{}'
    'vapi|vapi|{}'
    'elevenlabs|elevenlabs|{}'
    'livekit|livekit|{}'
    'pipecat|pipecat|{"agent": {"name": "Rosa"}, "vertical": "automotive", "external_id": "demo"}'
    'openai_realtime|openai_realtime|{}'
    'bland|bland|{}'
    'twilio|twilio_relay|{}'
    'deepgram|deepgram|{"speakers": {"0": "user", "1": "assistant"}, "started_at": "2026-07-29T08:00:00Z", "direction": "outbound"}'
    'assemblyai|assemblyai|{"speakers": {"A": "human_agent", "B": "user"}, "started_at": "2026-07-29T10:00:00+02:00"}'
    'vcon|vcon|{}'
    'voice|voice|{}'
)

import_formats() {
    local line format sample options
    sql -c 'CREATE TABLE IF NOT EXISTS demo_format (format text PRIMARY KEY, call_id uuid NOT NULL)'
    # Months in which only these few calls are stay in the DEFAULT partitions until maintenance makes them.
    for line in "${formats[@]}"; do
        IFS='|' read -r format sample options <<< "$line"
        sql -At -v format="$format" -v payload="$(cat "core/tests/import/samples/$sample.json")" -v options="$options" << 'SQL'
SET client_min_messages = warning;
INSERT INTO demo_format SELECT :'format', voice_import(:'format', :'payload', :'options') ON CONFLICT DO NOTHING;
SQL
    done
}

show_formats() {
    show 'One call of each format, as its provider or framework writes it' \
        "SELECT f.format, c.external_id, c.from_number, c.status, c.end_reason, round(c.duration_ms / 1000.0) AS seconds,
       (SELECT count(*) FROM voice.turn t WHERE t.call_id = c.id) AS turns,
       (SELECT count(*) FROM voice.tool_call k WHERE k.call_id = c.id) AS tools,
       concat_ws(' ', round(c.cost, 3), c.cost_currency) AS cost, a.lead_score, a.intent
FROM demo_format f JOIN voice.call c ON c.id = f.call_id LEFT JOIN voice.analytics a ON a.call_id = c.id ORDER BY f.format;"
}
