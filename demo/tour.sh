# shellcheck shell=bash
# Sourced by demo/run: what to ask of the calls once they are analysed. Prints each query, then its answer.

if [ -t 1 ]; then
    bold=$'\033[1m' dim=$'\033[2m' plain=$'\033[0m'
else
    bold='' dim='' plain=''
fi

heading() { printf '%s%s%s\n' "$bold" "$1" "$plain"; }

# show TITLE SQL [psql option…]
show() {
    local title=$1 query=$2
    shift 2
    heading "$title"
    printf '%s%s%s\n' "$dim" "$query" "$plain"
    sql -P pager=off -P footer=off -P linestyle=unicode -P border=1 "$@" -c "$query"
}

# $home, $port and $password are those of demo/server.sh.
# shellcheck disable=SC2154
tour() {
    local since vertical best min_score=''
    say
    since=$(value "SELECT CASE WHEN min(started_at) > now() - interval '7 days' THEN 'now() - interval ''7 days'''
                               ELSE quote_literal(min(started_at)::date) END FROM voice.call")
    # The vertical with most to show, and its best lead.
    vertical=$(value "SELECT quote_nullable(vertical) FROM voice.analytics GROUP BY vertical
                      ORDER BY count(*) FILTER (WHERE lead_score >= 70) DESC, max(lead_score) DESC, vertical LIMIT 1")
    vertical=${vertical:-NULL}
    if [ "$(value "SELECT count(*) FROM voice_top_leads($vertical, $since)")" = 0 ]; then
        min_score=', min_score => 0'
    fi
    best=$(value "SELECT coalesce((SELECT call_id FROM voice_top_leads($vertical, $since$min_score) LIMIT 1),
                                  (SELECT id FROM voice.call LIMIT 1))")

    show "Whom to call back first (${vertical//\'/})" \
        "SELECT lead_score, round(sentiment::numeric, 2) AS sentiment, intent, entities->>'name' AS name,
       from_number, left(summary, 60) || '…' AS summary
FROM voice_top_leads($vertical, $since$min_score, max_rows => 5);"

    heading 'What the first of them said'
    printf '%sSELECT voice_transcript('\''%s'\'', max_chars => 1500);%s\n' "$dim" "$best" "$plain"
    value "SELECT voice_transcript('$best', max_chars => 1500)" | fold -s -w 118
    say

    show 'How callers feel, by day' \
        "SELECT bucket::date AS day, sum(calls) AS calls,
       round((sum(avg_sentiment * calls) / sum(calls))::numeric, 2) AS sentiment,
       round((sum(avg_lead_score * calls) / sum(calls))::numeric, 1) AS lead_score
FROM voice_sentiment_trend($since) GROUP BY bucket ORDER BY bucket DESC LIMIT 7;"

    show 'Which tools work' \
        "SELECT name, calls, errors, round(100 * error_rate) AS \"errors %\", round(p50_ms) AS p50_ms, round(p95_ms) AS p95_ms
FROM voice_tool_stats($since) ORDER BY calls DESC LIMIT 8;"

    show 'Who spoke about an appointment or a reservation' \
        "SELECT role, left(headline, 90) AS headline
FROM voice_search('appointment or reservation', max_rows => 5);"

    show 'How the worker is doing' 'SELECT * FROM voice_status();' -x

}

# shellcheck disable=SC2154
explore() {
    heading 'Yours to explore'
    cat << NEXT
  psql            $PG_BIN/psql -h $home -p $port -U postgres voice
  any client      postgresql://postgres:$password@127.0.0.1:$port/voice
  an LLM instead  LLM_URL=http://localhost:11434/v1 LLM_MODEL=llama3.2 make demo     (any server with OpenAI's API)
                  OPENAI_API_KEY=… make demo
                  or here, in psql, with the key in a file of mode 0600 that belongs to the user $SERVER_USER:
                    ALTER SYSTEM SET voice_analytics.llm_api_key_file = '/path/to/key';
                    ALTER SYSTEM SET voice_analytics.analyzer = 'openai';
                    SELECT pg_reload_conf();
  your own calls  make demo CALLS=FILE.jsonl[.gz]
  the report      target/demo/report.html
  the log         $home/log
  stop            make demo-stop
NEXT
}
