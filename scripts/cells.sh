#!/usr/bin/env bash
# cells.sh CONNINFO…: for each server (a connection string of psql, of a superuser, with a dbname) its version, size and load, its
# tenants from the largest to the smallest (calls by roll-ups and today's, last 30 days, share), and moves that are under way.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
[ $# -gt 0 ] || die "$(sed -nE '2,/^set /{/^set /d; s/^# ?//p}' "$0")"
psql=$(command -v psql || true)
if [ -z "$psql" ]; then
    find_postgres || die 'No psql on the PATH.'
    psql=$PG_BIN/psql
fi

# Roll-ups are small, whatever the calls are; of a day that is not over a server's maintenance has what was there an hour ago.
query="SELECT format('  PostgreSQL %s, voice_analytics %s, %s, %s jobs wait', current_setting('server_version'),
           (SELECT extversion FROM pg_extension WHERE extname = 'voice_analytics'), pg_size_pretty(pg_database_size(current_database())),
           (SELECT count(*) FROM voice.job WHERE lease IS NULL));
SELECT format('  %-30s %12s calls %12s in 30 days %5s %% of the server', coalesce(nullif(t.tenant_id, ''), '(the tenant without a name)'),
           coalesce(d.calls, 0), coalesce(d.recent, 0), round(100 * coalesce(d.recent, 0) / greatest(sum(d.recent) OVER (), 1), 1))
FROM (SELECT DISTINCT tenant_id FROM voice.agent) t
LEFT JOIN (SELECT tenant_id, sum(calls) AS calls, sum(calls) FILTER (WHERE day > current_date - 30) AS recent FROM voice.daily GROUP BY 1) d USING (tenant_id)
ORDER BY d.recent DESC NULLS LAST, 1;
SELECT format('  leaving: %s (%s)', s.tenant_id, CASE WHEN s.print->>'forgetting' IS NOT NULL THEN 'being deleted' WHEN s.held_at IS NOT NULL THEN 'held'
           WHEN s.fenced_at IS NOT NULL THEN 'fenced' ELSE 'being sent' END) FROM voice._sending s ORDER BY 1;
SELECT format('  arriving: %s, since %s', r.tenant_id, r.began_at) FROM voice._receiving r WHERE r.arrived_at IS NULL ORDER BY 1"

result=0
for server in "$@"; do
    say "$(sed -E 's/password=[^ ]*/password=…/; s#(://[^:/@]*):[^@]*@#\1:…@#' <<< "$server")"
    "$psql" -X -q -At -v ON_ERROR_STOP=1 -d "$server" -c "$query" || result=1
done
exit "$result"
