#!/usr/bin/env bash
# The plans of bench/results/plans, from the data that bench/compare.sh loaded (`make bench`) and keeps. Reads only.
#
#   bench/plans.sh              starts the server in target/bench/cluster, and stops it again
#   PGHOST=… bench/plans.sh     asks a server that runs, as PGUSER (a superuser) on PGPORT
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
find_postgres || die 'No PostgreSQL found: make setup'
out=bench/results/plans

if [ -z "${PGHOST:-}" ]; then
    data=$PWD/target/bench/cluster/data
    [ -e "$data" ] || die 'There is no loaded server in target/bench: make bench'
    PGHOST=$(mktemp -d) PGPORT=5432 PGUSER=postgres
    [ "$(id -u)" != 0 ] || chown "$SERVER_USER" "$PGHOST"
    trap 'as_server_user "$PG_BIN/pg_ctl" -D "$data" -m fast stop > /dev/null; rm -rf "$PGHOST"' EXIT
    as_server_user "$PG_BIN/pg_ctl" -D "$data" -w -l "$PGHOST/log" \
        -o "-c unix_socket_directories=$PGHOST -c listen_addresses= -c port=$PGPORT -c voice_analytics.enabled=off" start > /dev/null
fi
export PGHOST PGPORT PGUSER

value() { "$PG_BIN/psql" -XqAt -d "$1" -c "$2"; }

# Of what a session says on stderr: after a line `@@ title` the plans of all statements that read a month, with their
# statements; after `@@` alone, nothing. Of statements that differ in the month only, the one that took longest.
show() {
    awk '
        function flush_plan(  key) {
            if (plan ~ /_(default|20[0-9][0-9]_[01][0-9]) / && shown) {
                key = query = dedented(query)
                gsub(/_(default|20[0-9][0-9]_[01][0-9])/, "_MONTH", key)
                if (!(key in count)) order[++kinds] = key
                if (count[key]++ == 0 || took > longest[key]) { longest[key] = took; queries[key] = query; plans[key] = plan }
            }
            plan = query = ""
        }
        # A statement that begins on the line of its quote says nothing there of how far the others are indented.
        function dedented(text,  n, i, lines, first, least) {
            n = split(text, lines, "\n")
            first = lines[1] ~ /^ / ? 1 : 2
            least = 99
            for (i = first; i <= n; i++) if (match(lines[i], /[^ ]/) && RSTART <= least) least = RSTART - 1
            text = substr(lines[1], first == 1 ? least + 1 : 1)
            for (i = 2; i <= n; i++) text = text "\n" substr(lines[i], least + 1)
            gsub(/^\n+|\n+$/, "", text)
            return text
        }
        function flush_section(  i, key) {
            flush_plan()
            for (i = 1; i <= kinds; i++) {
                key = order[i]
                printf "\n```sql\n%s\n```\n", queries[key]
                if (count[key] > 1) printf "The one of %d such statements, a month each, that took longest:\n", count[key]
                printf "```\n%s```\n", plans[key]
            }
            split("", count); split("", order); kinds = 0
        }
        /^(ERROR|FATAL|psql)/ { print > "/dev/stderr"; failed = 1 }
        /^@@/ { flush_section(); shown = $0 != "@@"; if (shown) printf "\n## %s\n", substr($0, 4); next }
        /^LOG:  duration: .* plan:$/ { flush_plan(); took = $3 + 0; in_plan = 0; next }
        /\(cost=/ { in_plan = 1 }
        in_plan { plan = plan $0 "\n"; next }
        { sub(/^Query Text: /, ""); sub(/[ \t]+$/, ""); query = query (query == "" ? "" : "\n") $0 }
        END { flush_section(); exit failed }'
}

# page NAME TITLE DATABASE TENANT, what to ask on stdin. Once for nothing, so that the data is in memory. As a tenant: as
# the application of the README, under row-level security.
page() {
    local name=$1 title=$2 database=$3 tenant=$4 script
    script=$(cat)
    [ -z "$tenant" ] || script="SET ROLE bench_app; SET voice_analytics.tenant = '$tenant';
$script"
    say "$out/$name.md"
    ask() { "$PG_BIN/psql" -XqAt -d "$database" -o /dev/null <<< "$script" 2>&1; }
    export PGOPTIONS='-c session_preload_libraries=auto_explain -c auto_explain.log_min_duration=0
        -c auto_explain.log_nested_statements=on -c auto_explain.log_analyze=on -c auto_explain.log_buffers=on
        -c client_min_messages=log'
    ask > /dev/null
    {
        printf '# %s\n\n```sql\n' "$title"
        awk '!/^@@|^SET (ROLE|plan_cache_mode)|^\\/ && !seen[$0]++' <<< "$script"
        printf '```\n'
        ask | show
    } > "$out/$name.md"
    unset PGOPTIONS
}

# A statement five times: the plan for these values, and the plan for all values that the session keeps from then on.
twice() {
    printf '\\warn @@ The first in a session: planned for these values\n%s\n\\warn @@\n%s\n%s\n' "$1" "$1" "$1"
    printf '\\warn @@ From the fourth on: the plan for all values, pruned at execution\n%s\n' "$1"
}
# Once.
plainly() { printf '\\warn @@ The plan\n%s\n' "$1"; }
# A statement with parameters, and its execution.
prepared() {
    printf 'PREPARE asked %s;\n\\warn @@ Planned for these values\nSET plan_cache_mode = force_custom_plan;\n%s\n' "$1" "$2"
    printf 'SET plan_cache_mode = force_generic_plan;\n\\warn @@ The plan for all values, pruned at execution\n%s\n' "$2"
}

newest=$(value ours 'SELECT max(started_at) FROM voice.call')
since=$(value ours "SELECT timestamptz '$newest' - interval '7 days'")
first_id=$(value ours "SELECT voice_uuid_at(timestamptz '$newest' - interval '8 days')")
call=$(value ours "SELECT c.id FROM voice.call c JOIN voice.tool_call k ON k.call_id = c.id WHERE c.id >= '$first_id' ORDER BY c.id LIMIT 1")
agent=$(value ours "SELECT agent_id FROM voice.call WHERE id = '$call'")
number=$(value ours "SELECT from_number FROM voice.call WHERE id = '$call'")
# Those whose words are loaded.
mapfile -t tenants < <(value tenants 'SELECT tenant_id FROM voice.turn GROUP BY 1 ORDER BY count(*) DESC')

mkdir -p "$out"
find "$out" -name '*.md' ! -name README.md -delete
twice "SELECT * FROM voice_top_leads('healthcare', '$since');" | page top_leads_of_a_vertical 'Top leads of a vertical, 7 days' ours ''
twice "SELECT * FROM voice_top_leads(NULL, '$since');" | page top_leads 'Top leads of all verticals, 7 days' ours ''
twice "SELECT * FROM voice_top_leads(NULL, '$since');" | page top_leads_of_a_tenant 'Top leads as one of 200 tenants' tenants "${tenants[0]}"
plainly "SELECT * FROM voice_sentiment_trend('$since');" | page sentiment_trend 'Sentiment trend of every agent, 7 days' ours ''
plainly "SELECT * FROM voice_sentiment_trend('$since', '$agent');" | page sentiment_trend_of_an_agent 'Sentiment trend of one agent, 7 days' ours ''
plainly "SELECT * FROM voice_sentiment_trend('$since');" | page sentiment_trend_of_a_tenant 'Sentiment trend as one of 200 tenants' tenants "${tenants[0]}"
plainly "SELECT * FROM voice_tool_stats('$since');" | page tool_stats 'Tool statistics, 7 days' ours ''
twice "SELECT voice_transcript('$call');" | page transcript 'Transcript of a call' ours ''
twice "SELECT voice_transcript('$call', tools => true);" | page transcript_with_tools 'Transcript of a call, with tools' ours ''
prepared "(uuid) AS $(cat bench/sql/ours/turns.sql)" "EXECUTE asked('$call');" | page turns_of_a_call 'The turns of a call, plain SQL' ours ''
plainly "SELECT * FROM voice_search('zanzibar', max_rows => 50);" | page search_rare 'Search, a rare word' ours ''
plainly "SELECT * FROM voice_search('appointment', max_rows => 50);" | page search_common 'Search, a common word' ours ''
plainly "SELECT * FROM voice_search('zanzibar', max_rows => 50);" |
    page search_rare_of_the_busiest_tenant 'Search, a rare word, as the busiest of 200 tenants' tenants "${tenants[0]}"
plainly "SELECT * FROM voice_search('appointment', max_rows => 50);" |
    page search_common_of_the_busiest_tenant 'Search, a common word, as the busiest of 200 tenants' tenants "${tenants[0]}"
plainly "SELECT * FROM voice_search('appointment', max_rows => 50);" |
    page search_common_of_a_small_tenant 'Search, a common word, as a small one of 200 tenants' tenants "${tenants[1]}"
plainly "SELECT id FROM voice.call WHERE agent_id = '$agent' AND started_at >= '$since' AND id >= '$first_id' ORDER BY started_at DESC;" |
    page calls_of_an_agent 'Calls of an agent, 7 days' ours ''
plainly "SELECT id FROM voice.call WHERE from_number = '$number';" | page calls_of_a_number 'Calls of a number, ever' ours ''
plainly "SET enable_partitionwise_join = on;
$(cat bench/sql/ours/missing.sql);" | page calls_without_analytics 'Calls without analytics, month by month' ours ''
prepared "(text, text) AS
$(cat sql/queries/import_known.sql)" "EXECUTE asked('unknown', '');" |
    page external_id 'An external id that is not known: each import asks' ours ''

# Not executed: nothing is written here.
say "$out/end_of_a_call.md"
update="UPDATE voice.call SET ended_at = now(), status = 'completed' WHERE id = '$call';"
# shellcheck disable=SC2016  # these are fences
{
    printf '# The end of a call, plain SQL: not executed\n\n```sql\n%s\n```\n\n## Planned for these values\n```\n' "$update"
    value ours "EXPLAIN $update"
    printf '```\n\n## The plan for all values, pruned at execution\n```\n'
    value ours "SET plan_cache_mode = force_generic_plan; PREPARE ending(uuid) AS ${update/\'$call\'/\$1}; EXPLAIN EXECUTE ending('$call')"
    printf '```\n'
} > "$out/end_of_a_call.md"
