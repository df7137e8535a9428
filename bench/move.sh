#!/usr/bin/env bash
# move.sh: a tenant of CALLS calls (100,000) of ten turns moves from one server to another through PgBouncer, while it writes
# RATE calls a second (20) and others write OTHERS (100) at the source. Prints the pause, the longest call of a client, errors,
# others' rate and latency before and during the move, and counts every call on the target. Both servers are of this machine,
# in a folder of their own, with fsync off; the builtin analyzer judges. Needs pgbouncer, and the extension installed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
find_postgres || die 'No PostgreSQL found: make setup'
command -v pgbouncer > /dev/null || die 'skipped: there is no pgbouncer (apt-get install pgbouncer)'

calls=${CALLS:-100000} rate=${RATE:-20} others=${OTHERS:-100} undisturbed=${UNDISTURBED:-20} duration=${DURATION:-120}
home=$(mktemp -d "${TMPDIR:-/tmp}/voice-move-bench-XXXXXX")
chmod 711 "$home"
[ "$(id -u)" != 0 ] || chown "$SERVER_USER:" "$home"
pids=()
stop_all() {
    local data
    for data in "${pids[@]}"; do kill "$data" 2> /dev/null || true; done
    for data in "$home"/*/postmaster.pid "$home/pgbouncer.pid"; do
        [ ! -e "$data" ] || kill -INT "$(head -n 1 "$data")" 2> /dev/null || true
    done
    sleep 2
    rm -rf "$home"
}
trap stop_all EXIT

server() { # NAME PORT
    as_server_user "$PG_BIN/initdb" -D "$home/$1" --no-sync --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 > /dev/null
    printf "%s = '%s'\n" listen_addresses '' port "$2" unix_socket_directories "$home" shared_preload_libraries voice_analytics \
        fsync off wal_level logical max_wal_size 8GB shared_buffers 512MB max_connections 100 |
        as_server_user tee -a "$home/$1/postgresql.conf" > /dev/null
    as_server_user "$PG_BIN/pg_ctl" -D "$home/$1" -l "$home/$1.log" -w start > /dev/null
    sql "$2" postgres 'CREATE DATABASE app'
    sql "$2" app "CREATE EXTENSION voice_analytics; CREATE ROLE acme LOGIN; CREATE ROLE globex LOGIN;
        SELECT voice_grant(r, a) FROM unnest('{acme,globex}'::text[]) r, unnest('{reader,writer}'::text[]) a;
        SELECT voice_pin_tenant(r, r) FROM unnest('{acme,globex}'::text[]) r;
        SELECT voice_create_partitions(3, now() - interval '3 months')" > /dev/null
}
sql() { "$PG_BIN/psql" -X -q -At -v ON_ERROR_STOP=1 -h "$home" -p "$1" -U postgres -d "$2" -c "$3"; }

say "move: two servers of PostgreSQL $PG_MAJOR, $(nproc) cores"
server source 6101
server target 6102
fill() { # TENANT CALLS
    sql 6101 app "SET session_replication_role = replica; SET voice_analytics.tenant = '$1';
        INSERT INTO voice.agent (id, vertical) VALUES ('$1', 'salon');
        INSERT INTO voice.call (id, agent_id, started_at, status, ended_at, duration_ms)
        SELECT voice_uuidv7(t), '$1', t, 'completed', t + interval '3 minutes', 180000
        FROM (SELECT now() - interval '1 hour' - n * (interval '80 days' / $2) AS t FROM generate_series(1, $2) n) x;
        INSERT INTO voice.turn (call_id, role, started_at, text)
        SELECT c.id, CASE i % 2 WHEN 1 THEN 'user' ELSE 'assistant' END, c.started_at + i * interval '10 s', 'I would like to book a haircut on Tuesday at ten, and a beard trim with it, number ' || i
        FROM voice.call c, generate_series(1, 10) i WHERE c.tenant_id = '$1';
        INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action)
        SELECT id, started_at, 0, 50, agent_id, 'salon', 'info', 'm', '1', 'a summary of the usual length, more or less', 'none' FROM voice.call WHERE tenant_id = '$1';
        INSERT INTO voice.search_document (call_id, document)
        SELECT id, to_tsvector('simple', 'I would like to book a haircut on Tuesday at ten, and a beard trim with it') FROM voice.call WHERE tenant_id = '$1';
        INSERT INTO voice.attempt (call_id, job_id, attempt, kind, outcome) SELECT id, 0, 1, 'analyze', 'ok' FROM voice.call WHERE tenant_id = '$1'"
}
fill acme "$calls"
fill globex "$((calls / 2))"
sql 6101 app 'VACUUM ANALYZE'
say "move: filled, $(sql 6101 app "SELECT pg_size_pretty(pg_database_size('app'))")"

cat > "$home/pgbouncer.ini" << INI
[databases]
acme = host=$home port=6101 dbname=app
[pgbouncer]
listen_addr =
listen_port = 6400
unix_socket_dir = $home
auth_type = trust
auth_file = $home/users
admin_users = postgres
pool_mode = transaction
default_pool_size = 10
logfile = $home/pgbouncer.log
pidfile = $home/pgbouncer.pid
INI
printf '"%s" ""\n' acme postgres > "$home/users"
[ "$(id -u)" != 0 ] || chown "$SERVER_USER:" "$home/pgbouncer.ini" "$home/users"
as_server_user pgbouncer -q -d "$home/pgbouncer.ini"

call() { # TENANT
    cat << SQL
\\set r random(1, 1000000000000)
BEGIN;
INSERT INTO voice.call (agent_id, external_id) VALUES ('$1', 'w:client_id-:r') RETURNING id \\gset
INSERT INTO voice.turn (call_id, role, text) SELECT ':id', CASE i % 2 WHEN 1 THEN 'user' ELSE 'assistant' END, 'I would like to book a haircut, number ' || i FROM generate_series(1, 10) i;
UPDATE voice.call SET status = 'completed', ended_at = clock_timestamp() WHERE id = ':id';
END;
SQL
}
call acme > "$home/acme.sql"
call globex > "$home/globex.sql"
bench() { # NAME SECONDS RATE CLIENTS PGBENCH_ARGUMENTS…
    local name=$1 seconds=$2 rate=$3 clients=$4
    shift 4
    (cd "$home" && "$PG_BIN/pgbench" -n -f "$home/${name%%.*}.sql" -T "$seconds" -R "$rate" -c "$clients" -j 1 -l --log-prefix="$home/$name.log" "$@") > "$home/$name.out" 2>&1
}
# calls, errors, mean and longest milliseconds of a log
figures() {
    cat "$home/$1.log".* | awk -v errors="$(grep -cE 'ERROR|aborted' "$home/$1.out" || true)" '{ n++; sum += $3; if ($3 > most) most = $3 }
        END { printf "%d calls, %d errors, mean %.1f ms, longest %.0f ms", n, errors, sum / n / 1000, most / 1000 }'
}
rate_between() { # LOG FROM TO: calls a second that ended between these moments (Unix seconds), or until the clients' time was over
    cat "$home/$1.log".* | awk -v a="$2" -v b="$3" '{ t = $5 + $6 / 1e6; if (t > last) last = t; if (t >= a && t < b) n++ }
        END { if (last < b) b = last; printf "%.1f", n / (b - a) }'
}

# All that two cores take: by one server, then by two of half the clients each.
unthrottled() { # NAME PORT CLIENTS
    (cd "$home" && "$PG_BIN/pgbench" -n -f "$home/globex.sql" -T "$undisturbed" -c "$3" -j 1 -h "$home" -p "$2" -U globex app) > "$home/$1.out" 2>&1
}
tps() { sed -nE 's/^tps = ([0-9.]+).*/\1/p' "$home/$1.out"; }
sql 6102 app "SET voice_analytics.tenant = 'globex'; INSERT INTO voice.agent (id, vertical) VALUES ('globex', 'salon')"
unthrottled one 6101 8
unthrottled first 6101 4 &
unthrottled second 6102 4 &
wait
say "unthrottled, 8 clients: one server $(tps one) calls/s; two servers $(tps first) + $(tps second) calls/s"
until [ "$(sql 6101 app 'SELECT count(*) FROM voice.job')" = 0 ]; do sleep 0.2; done
sql 6102 app "SET voice_analytics.tenant = 'globex'; DELETE FROM voice.call; DELETE FROM voice.agent"
sql 6101 app 'CHECKPOINT'

bench globex.before "$undisturbed" "$others" 8 -h "$home" -p 6101 -U globex app &
bench acme.before "$undisturbed" "$rate" 8 -h "$home" -p 6400 -U acme acme &
wait
say "undisturbed: others $(figures globex.before); the tenant $(figures acme.before)"

bench globex "$duration" "$others" 8 -h "$home" -p 6101 -U globex app &
pids+=($!)
bench acme "$duration" "$rate" 8 -h "$home" -p 6400 -U acme acme &
pids+=($!)
sleep 3
began=$(date +%s.%N)
PATH=$PG_BIN:$PATH scripts/move-tenant.sh "host=$home port=6101 user=postgres dbname=app" "host=$home port=6102 user=postgres dbname=app" acme \
    --pooler "host=$home port=6400 user=postgres dbname=pgbouncer" --pooler-config "$home/pgbouncer.ini" \
    --pooler-line "host=$home port=6102 dbname=app" --settled '20 seconds' > "$home/move.out" 2>&1 || { cat "$home/move.out"; die 'the move failed'; }
ended=$(date +%s.%N)
# What a pgbench that is killed has not written yet, its log would lack.
wait "${pids[@]}" || true
grep -v '^psql\|NOTICE\|HINT' "$home/move.out"
say "the move took $(awk -v a="$began" -v b="$ended" 'BEGIN { printf "%.1f", b - a }') s"
say "meanwhile: the tenant $(figures acme)"
say "meanwhile: others $(figures globex), $(rate_between globex "$began" "$ended") calls/s during the move"
until [ "$(sql 6102 app 'SELECT count(*) FROM voice.job')" = 0 ]; do sleep 0.2; done
acknowledged=$(cat "$home"/acme.log.* "$home"/acme.before.log.* | wc -l)
say "on the target: $(sql 6102 app "SELECT format('%s calls of before, %s of the %s that clients were told of and %s in flight when they were ended, %s of them with ten turns and one analysis; %s analysed twice',
    count(*) FILTER (WHERE external_id IS NULL), least(count(external_id), $acknowledged), $acknowledged, greatest(count(external_id) - $acknowledged, 0),
    count(*) FILTER (WHERE external_id IS NOT NULL AND (SELECT count(*) FROM voice.turn t WHERE t.call_id = c.id) = 10
                     AND (SELECT count(*) FROM voice.attempt t WHERE t.call_id = c.id AND t.outcome = 'ok') = 1
                     AND EXISTS (SELECT 1 FROM voice.analytics a WHERE a.call_id = c.id)),
    count(*) FILTER (WHERE (SELECT count(*) FROM voice.attempt t WHERE t.call_id = c.id AND t.outcome = 'ok') > 1))
    FROM voice.call c WHERE tenant_id = 'acme'")"
say "at the source: $(sql 6101 app "SELECT count(*) FROM voice.call WHERE tenant_id = 'acme'") calls are left"
