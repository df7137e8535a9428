# shellcheck shell=bash
# Sourced by demo/run: a call that goes on for some seconds, and what a supervisor sees of it meanwhile.

# Both sides of the call, a step a line: what the agent says, what the caller says.
live_call=(
    'Harbor Dental, this is Iris. How can I help?|Hello, I had an appointment at nine and nobody was there.'
    'I am sorry to hear that. May I have your name?|Dana Whitfield. I took the morning off for this, it is ridiculous.'
    'I see the booking, and it was moved by mistake.|This is terrible service. I am really angry, I want to complain.'
    'I apologise. I can offer you today at two, and the cleaning is free.|Oh. That is very kind, thank you, two is perfect!'
)

watch_a_call() {
    local call agent caller line looks=0
    say
    heading "A call in progress, looked at every second while something is said (live_interval = '1s')"
    sql -c "ALTER SYSTEM SET voice_analytics.live_interval = '1s'" -c 'SELECT pg_reload_conf()' > /dev/null
    sql -c "INSERT INTO voice.agent (id, name, vertical) VALUES ('demo-live', 'Iris', 'healthcare') ON CONFLICT DO NOTHING" > /dev/null
    # A session of its own each time: whether the setting has arrived, the first look tells.
    until_done "SELECT current_setting('voice_analytics.live_interval') = '1s'" 'the setting'
    call=$(value "SELECT voice_start_call('demo-live', '+12125550142', '+12125550100')")
    for line in "${live_call[@]}"; do
        IFS='|' read -r agent caller <<< "$line"
        sql -At -v call="$call" -v agent="$agent" -v caller="$caller" > /dev/null << 'SQL'
SELECT voice_add_turn(:'call', 'assistant', :'agent'), voice_add_turn(:'call', 'user', :'caller');
SQL
        looks=$((looks + 1))
        # shellcheck disable=SC2154 # demo/run has the colours
        printf '%s  user: %s%s\n' "$dim" "$caller" "$plain"
        until_done "SELECT EXISTS (SELECT FROM voice_live() WHERE call_id = '$call' AND looks >= $looks)" 'a look at the call'
        value "SELECT format('  turn %s: sentiment %s, intent %s, lead score %s%s', as_of_turn, round(sentiment::numeric, 2), intent, lead_score,
                      CASE WHEN alerts <> '{}' THEN ', ALERT ' || array_to_string(alerts, ', ') END)
               FROM voice_live() WHERE call_id = '$call'"
    done
    value "SELECT voice_end_call('$call')" > /dev/null
    sql -c 'ALTER SYSTEM RESET voice_analytics.live_interval' -c 'SELECT pg_reload_conf()' > /dev/null
    until_done "SELECT EXISTS (SELECT FROM voice.analytics WHERE call_id = '$call')" 'its analysis'
    value "SELECT format('  hung up: sentiment %s, intent %s, lead score %s; voice_live() lists %s calls', round(sentiment::numeric, 2), intent, lead_score,
                  (SELECT count(*) FROM voice_live())) FROM voice.analytics WHERE call_id = '$call'"
}
