# shellcheck shell=bash
# Sourced by demo/run: what two businesses ask of their calls, how each answer is shown, and what a trial of another model says.

# A model judges. Where none is given, a stand-in that only looks for the phrases in quotation marks of each description.
# shellcheck disable=SC2154 # $api_key, $home and $model are demo/server.sh's and demo/run's
begin_model() {
    stand_in=''
    [ -z "${LLM_URL:-}$api_key" ] || return 0
    # With the extension beside it and in its profile, so that what both are made of is there already.
    local profile=release folder=release
    if [ -e target/demo-install.so ]; then profile=dev folder=debug; fi
    cargo build -q --profile "$profile" -p voice_analytics -p voice_core --bin stand_in_model --no-default-features --features "pg$PG_MAJOR"
    : > target/demo/stand-in.url
    "${CARGO_TARGET_DIR:-target}/$folder/stand_in_model" > target/demo/stand-in.url &
    stand_in=$!
    trap end_model EXIT
    local url=''
    while [ -z "$url" ]; do
        kill -0 "$stand_in" 2> /dev/null || die 'demo: the stand-in for a model has ended'
        read -r url < target/demo/stand-in.url || sleep 0.05
    done
    sql -c "ALTER SYSTEM SET voice_analytics.llm_url = '$url'" -c "ALTER SYSTEM SET voice_analytics.llm_model = 'stand-in'" \
        -c "ALTER SYSTEM SET voice_analytics.analyzer = 'openai'" -c 'SELECT pg_reload_conf()' > /dev/null
    say 'No model was given (LLM_URL=…), so a stand-in answers: it looks for the phrases in quotation marks of each description.'
}

end_model() {
    [ -n "${stand_in:-}" ] || return 0
    trap - EXIT
    sql -c 'ALTER SYSTEM RESET voice_analytics.analyzer' -c 'ALTER SYSTEM RESET voice_analytics.llm_url' \
        -c 'ALTER SYSTEM RESET voice_analytics.llm_model' -c 'SELECT pg_reload_conf()' > /dev/null || true
    kill "$stand_in" 2> /dev/null || true
    wait "$stand_in" 2> /dev/null || true
    stand_in=''
}

# until_done SQL WHAT: a query that says true in the end.
until_done() {
    local since=$SECONDS
    while [ "$(value "$1")" != t ]; do
        [ $((SECONDS - since)) -lt 300 ] || die "demo: $2 took more than five minutes; $home/log says why"
        sleep 0.2
    done
}

ask_analyses() {
    local trial other=stand-in-strict
    say
    begin_model
    show 'What a restaurant and a clinic ask of their calls' \
        "SELECT voice_define_analysis('reservation',
    '{\"type\": \"object\", \"properties\": {
        \"reserved\": {\"type\": \"boolean\", \"description\": \"A tool \\\"reserve_table\\\" was called, and the table is reserved\"},
        \"occasion\": {\"type\": [\"string\", \"null\"], \"description\": \"The caller says what is celebrated: \\\"anniver\\\", \\\"cumple\\\", \\\"fortieth\\\"\"}}}',
    '[{\"name\": \"greeting\", \"kind\": \"pass_fail\", \"rubric\": \"The agent says the name of the house: \\\"the lantern\\\" or \\\"casa alba\\\"\"},
      {\"name\": \"closing\", \"kind\": \"score\", \"max\": 5, \"rubric\": \"The agent sums up what was agreed: \\\"booked\\\", \\\"reservada\\\"\"}]',
    vertical => 'hospitality') AS reservation,
voice_define_analysis('care',
    '{\"type\": \"object\", \"properties\": {
        \"appointment\": {\"type\": \"boolean\", \"description\": \"A tool \\\"book_appointment\\\" was called, and the appointment is made\"}}}',
    '[{\"name\": \"asks_for_name\", \"kind\": \"pass_fail\", \"rubric\": \"The agent asks for the name: \\\"your name\\\"\"},
      {\"name\": \"empathy\", \"kind\": \"score\", \"max\": 5, \"weight\": 2, \"rubric\": \"The agent takes the worry seriously: \\\"sorry\\\", \\\"good facts\\\", \\\"let''s ask\\\"\"}]',
    vertical => 'healthcare') AS care;"
    show 'They are asked about the calls that are there already, too' \
        "SELECT voice_backfill(name => 'reservation') AS reservation, voice_backfill(name => 'care') AS care;"
    until_done "SELECT NOT EXISTS (SELECT FROM voice.job WHERE kind = 'analyze')" 'judging'
    show 'How the agents do' \
        "SELECT analysis, group_key AS agent, calls, passed, failed, round(avg_score) AS score,
       (SELECT string_agg(format('%s %s %%', key, round(100 * (value->>'pass_rate')::numeric)), ', ') FROM jsonb_each(criteria)) AS pass_rates
FROM voice_scorecard(now() - interval '60 days', by => 'agent') ORDER BY 1, 2;"
    show 'One that surprises: what each claim is shown by, and whether it was said there' \
        "SELECT e.claim, e.turn, e.speaker, left(e.quote, 70) AS quote, e.supported
FROM voice_results('care', now() - interval '60 days') r CROSS JOIN voice_evidence(r.call_id) e
WHERE r.call_id = (SELECT call_id FROM voice_results('care', now() - interval '60 days') ORDER BY score, call_id LIMIT 1)
ORDER BY e.analysis NULLS FIRST, e.turn;"
    [ -n "$stand_in" ] || other=${TRIAL_MODEL:-${LLM_MODEL:-gpt-4o-mini}}
    trial=$(value "SELECT voice_trial(50, now() - interval '60 days', name => 'care', model => '$other')")
    until_done "SELECT NOT EXISTS (SELECT FROM voice.job WHERE kind = 'trial')" 'the trial'
    heading "What another model would say ($other): SELECT voice_trial_report($trial);"
    value "SELECT jsonb_pretty(r - 'changed_calls' - 'trial' - 'errors' - 'last_judged_at') FROM voice_trial_report($trial) r"
    say
    end_model
}
