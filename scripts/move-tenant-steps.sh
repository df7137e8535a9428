# shellcheck shell=bash disable=SC2154  # sourced by move-tenant.sh, which sets the variables in lower case
# The steps of a move. Each looks for what is there and does only what is missing.

# on_source SQL, on_target SQL: one value; :'tenant', :'name', :'settled' and :'connection' are the options'.
on() {
    "$psql" -X -q -At -v ON_ERROR_STOP=1 -v tenant="$tenant" -v name="${name:-}" -v settled="$settled" -v connection="$connection" -d "$1" -f -
}
on_source() { on "$source_server" <<< "$1;"; }
on_target() { on "$target_server" <<< "$1;"; }
# A print may be larger than an argument may be.
# shellcheck disable=SC2016 # psql's
with_print() { printf '\\set print `cat %s`\n%s;\n' "$work/print" "$1"; }
print_of_source() { on_source "SELECT voice_tenant_print(:'tenant', $1)" > "$work/print"; }

# Sets at_source (none, sending, fenced, held, forgetting), at_target (none, receiving, arrived) and subscribed (t, f).
look() {
    at_source=$(on_source "SELECT coalesce((SELECT CASE WHEN s.print->>'forgetting' IS NOT NULL THEN 'forgetting' WHEN s.held_at IS NOT NULL THEN 'held'
        WHEN s.fenced_at IS NOT NULL THEN 'fenced' ELSE 'sending' END FROM voice._sending s WHERE s.tenant_id = :'tenant'), 'none')") ||
        die 'move: the source cannot be asked. Nothing has been changed by this run; repeat it when the server is back.'
    at_target=$(on_target "SELECT coalesce((SELECT CASE WHEN r.arrived_at IS NOT NULL THEN 'arrived' ELSE 'receiving' END
        FROM voice._receiving r WHERE r.tenant_id = :'tenant'), 'none')") ||
        die 'move: the target cannot be asked. Nothing has been changed by this run; repeat it when the server is back.'
    # Whoever came here earlier and is now leaving again has arrived long ago.
    if [ "$at_source/$at_target" = none/arrived ] &&
        [ "$(on_source "SELECT count(*) FROM voice.agent WHERE tenant_id = :'tenant'")" != 0 ]; then
        die "move: tenant $tenant is on both servers. It arrived at the target by another move; see docs/scale-out.md."
    fi
    subscribed=$(on_target "SELECT EXISTS (SELECT 1 FROM pg_subscription u JOIN pg_database d ON d.oid = u.subdbid
        WHERE u.subname = :'name' AND d.datname = current_database())")
}

explain() {
    say "move: what the move of tenant $tenant would be"
    on_source "SELECT format('  %s calls of %s agents, about %s with their turns, analyses and documents', c.calls, a.agents, pg_size_pretty(
            (s.bytes * c.calls / greatest(s.rows, c.calls, 1))::bigint))
            || E'\n' || format('  the copy reads all of the source once (%s): about %s s at 50 MB/s, and then writes at about 10000 rows/s', pg_size_pretty(s.bytes::bigint), round(s.bytes / 5e7))
            || E'\n' || format('  %s jobs wait, %s are running', (SELECT count(*) FROM voice.job j WHERE j.tenant_id = :'tenant' AND j.lease IS NULL),
                               (SELECT count(*) FROM voice.job j WHERE j.tenant_id = :'tenant' AND j.lease IS NOT NULL))
        FROM (SELECT count(*) AS calls FROM voice.call WHERE agent_id IN (SELECT id FROM voice.agent WHERE tenant_id = :'tenant') AND tenant_id = :'tenant') c,
             (SELECT count(*) AS agents FROM voice.agent WHERE tenant_id = :'tenant') a,
             (SELECT coalesce(sum(pg_table_size(l.partition)), 0)::numeric AS bytes,
                     coalesce(sum(greatest(k.reltuples, 0)) FILTER (WHERE f = 'call'), 0)::numeric AS rows
              FROM unnest(voice._partitioned_tables()) f CROSS JOIN LATERAL voice._partitions(f) l JOIN pg_class k ON k.oid = l.partition) s"
    # What the functions would refuse, they refuse in transactions that are rolled back.
    if on_source "BEGIN; SELECT voice_send_tenant(:'tenant', :'connection') IS NOT NULL \\g /dev/null
        ROLLBACK"; then say '  the source can send it'; else say '  the source refuses: see above'; fi
    print_of_source 'now()'
    if with_print "BEGIN; SELECT voice_receive_tenant(:'print') \\g /dev/null
        ROLLBACK" | on "$target_server"; then say '  the target can receive it'; else say '  the target refuses: see above'; fi
}

send() {
    case $at_source in
        none)
            say 'move: the source publishes the tenant'
            on_source "SELECT voice_send_tenant(:'tenant', :'connection')" > /dev/null
            at_source=sending
            ;;
        *) say "move: going on; at the source the tenant is $at_source" ;;
    esac
}

receive() {
    print_of_source 'now()'
    say 'move: the target makes ready'
    with_print "SELECT voice_receive_tenant(:'print')" | on "$target_server" > /dev/null
}

subscribe() {
    [ "$subscribed" = f ] || return 0
    # A target that was killed while it subscribed has left a slot, and no subscription.
    on_source "SELECT count(pg_drop_replication_slot(slot_name)) FROM pg_replication_slots WHERE slot_name = :'name' AND NOT active" > /dev/null
    say 'move: the target subscribes, and copies'
    on_target "CREATE SUBSCRIPTION $name CONNECTION :'connection' PUBLICATION $name"
}

# For as long as the copy takes: what goes wrong in it is tried again by the target every few seconds, and is in its log.
wait_until_ready() {
    local ready before='' n=0
    while :; do
        ready=$(on_target "SELECT format('%s of %s tables are ready, %s rows copied in the ones at work',
                (SELECT count(*) FROM pg_subscription_rel r JOIN pg_subscription u ON u.oid = r.srsubid WHERE u.subname = :'name' AND r.srsubstate = 'r'),
                (SELECT count(*) FROM voice._moved_tables()),
                (SELECT coalesce(sum(tuples_processed), 0) FROM pg_stat_progress_copy WHERE datname = current_database()))
                || coalesce((SELECT format('; %s attempts failed: the log of the target says why', c.sync_error_count + c.apply_error_count)
                             FROM pg_stat_subscription_stats c WHERE c.subname = :'name' AND c.sync_error_count + c.apply_error_count > 0), '')")
        if [[ $ready =~ ^([0-9]+)\ of\ ([0-9]+)\  ]] && [ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ]; then break; fi
        n=$((n + 1))
        if [ "$ready" != "$before" ] && [ $((n % 5)) = 1 ]; then say "move:   $ready"; fi
        before=$ready
        sleep 0.4
    done
    say "move: all tables are ready"
}

# Settled calls are compared while the tenant goes on writing: few of them change, so a few tries are enough. Then those that
# have settled meanwhile, until that takes no time: what is left is compared in the pause.
compare() {
    local tries=0 since=-infinity until began
    [ "$at_source" = sending ] || return 0
    # What was copied has no statistics yet, and plans without them are slow.
    on_target "SELECT format('ANALYZE %s', relid::regclass) FROM pg_stat_user_tables WHERE schemaname = 'voice' AND n_mod_since_analyze > 1000 + n_live_tup / 5 \\gexec
        SELECT 1 WHERE false" > /dev/null
    while :; do
        began=$SECONDS
        until=$(on_source "SELECT now() - :'settled'::interval")
        print_of_source "'$since', '$until'"
        if with_print "SELECT voice_tenant_arrived(:'tenant', :'print')" | on "$target_server" > /dev/null 2> "$work/differs"; then
            on_source "UPDATE voice._sending SET verified_until = '$until' WHERE tenant_id = :'tenant'"
            if [ $((SECONDS - began)) -lt 2 ]; then break; fi
            say "move:   settled calls until $until are alike on both servers"
            since=$until
            continue
        fi
        tries=$((tries + 1))
        if [ "$tries" = 10 ]; then
            cat "$work/differs" >&2
            die 'move: the settled calls are not alike on both servers. Repeat the command, with a larger --settled if its calls are long, or --undo.'
        fi
        say "move:   not alike yet: $(sed -nE 's/^DETAIL: *//p' "$work/differs" | head -c 300)"
        sleep 1
    done
    say "move: settled calls are alike on both servers (until $until)"
}

pool() { "$psql" -X -q -At -v ON_ERROR_STOP=1 -d "$pooler" -c "$1"; }
pooler_has_line() { awk -v db="$pooler_db" '/^\[/ { inside = /^\[databases\]/ } inside && $1 == db { found = 1 } END { exit !found }' FS='[ \t]*=' "$pooler_config"; }

pause() {
    if [ -n "$pooler" ]; then timeout "$max_pause" "$psql" -X -q -At -v ON_ERROR_STOP=1 -d "$pooler" -c "PAUSE \"$pooler_db\"" || return 1; fi
    [ -z "$on_pause" ] || bash -c "$on_pause"
}
resume() {
    # A database that is not paused says so, in an error that is none.
    if [ -n "$pooler" ]; then pool "RESUME \"$pooler_db\"" 2> /dev/null || true; fi
    [ -z "$on_resume" ] || bash -c "$on_resume"
}

switch_pooler() {
    if [ -n "$pooler" ]; then
        awk -v db="$pooler_db" -v line="$pooler_line" 'BEGIN { FS = "[ \t]*=" } /^\[/ { inside = /^\[databases\]/ }
            inside && $1 == db { print db " = " line; next } { print }' "$pooler_config" > "$work/config"
        cat "$work/config" > "$pooler_config"
        [ -z "$on_switch" ] || bash -c "$on_switch"
        # A database that is not paused says so, in an error that is none.
        "$psql" -X -q -At -d "$pooler" -c RELOAD -c "RESUME \"$pooler_db\"" 2> "$work/pooler.log" || true
        if grep -v 'is not paused' "$work/pooler.log" | grep ERROR >&2; then die 'move: the pooler could not be switched; repeat the command.'; fi
    elif [ -n "$on_switch" ]; then
        bash -c "$on_switch"
    fi
    [ -z "$on_resume" ] || bash -c "$on_resume"
}

# Two sessions are opened and warmed before the pause: what each of them reads for the first time is read by then.
switch() {
    local target_session result=0 since
    since=$(on_source "SELECT coalesce(verified_until, '-infinity') FROM voice._sending WHERE tenant_id = :'tenant'")
    cat > "$work/pause" << SH
date +%s%3N > "$work/moments"
$(declare -p psql pooler pooler_db on_pause max_pause)
$(declare -f pause)
pause < /dev/null && touch "$work/paused"
date +%s%3N >> "$work/moments"
SH
    cat > "$work/source.sql" << SQL
SELECT set_config('move.tenant', :'tenant', false), set_config('move.patience', '$max_pause', false) \\g /dev/null
SELECT voice_tenant_print(:'tenant', '$since', hashed => false) \\g $work/print
SELECT voice._tenant_baggage(:'tenant'), voice._tenant_settings(:'tenant', true) \\g /dev/null
\\! touch $work/warm; bash $work/pause
\\set paused \`test -e $work/paused && echo true || echo false\`
\\if :paused
DO \$\$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
BEGIN
    WHILE NOT voice_hold_tenant(current_setting('move.tenant')) LOOP
        COMMIT;
        IF clock_timestamp() > began + current_setting('move.patience')::float8 * interval '1 second' THEN
            RAISE EXCEPTION 'jobs of this tenant are still running' USING HINT = 'They take longer than --max-pause.';
        END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
END \$\$;
\\! date +%s%3N >> $work/moments
SELECT voice_tenant_print(:'tenant', '$since', hashed => false) \\g $work/held.new
\\! mv $work/held.new $work/held; touch $work/go; date +%s%3N >> $work/moments
\\else
SELECT 1 / 0 AS "the pooler could not be paused";
\\endif
SQL
    # A warm-up that finds differences is one all the same. The session ends by itself where this script is killed: without a file
    # it has nothing that could arrive.
    cat > "$work/target.sql" << SQL
SELECT set_config('move.tenant', :'tenant', false), set_config('move.patience', '$max_pause', false) \\g /dev/null
\\! until [ -e $work/warm ] || ! kill -0 $$ 2> /dev/null; do sleep 0.005; done
\\set print \`cat $work/print\`
\\set ON_ERROR_STOP 0
SELECT voice_tenant_arrived(:'tenant', :'print') \\g /dev/null
\\set ON_ERROR_STOP 1
\\! until [ -e $work/go ] || ! kill -0 $$ 2> /dev/null; do sleep 0.005; done
\\set print \`cat $work/held\`
CREATE TEMP TABLE print AS SELECT :'print'::jsonb AS print;
DO \$\$
DECLARE
    began CONSTANT timestamptz := clock_timestamp();
BEGIN
    LOOP
        BEGIN
            PERFORM voice_tenant_arrived(current_setting('move.tenant'), p.print) FROM pg_temp.print p;
            EXIT;
        EXCEPTION WHEN object_not_in_prerequisite_state THEN
            IF clock_timestamp() > began + current_setting('move.patience')::float8 * interval '1 second' THEN
                RAISE;
            END IF;
        END;
        PERFORM pg_sleep(0.01);
    END LOOP;
END \$\$;
SQL
    say 'move: the switch'
    on "$target_server" < "$work/target.sql" > "$work/target.log" 2>&1 &
    target_session=$!
    on "$source_server" < "$work/source.sql" > "$work/source.log" 2>&1 || result=1
    touch "$work/warm" "$work/go"
    wait "$target_session" || result=1
    if [ "$result" != 0 ]; then
        cat "$work/source.log" "$work/target.log" >&2
        give_up_switch
    else
        # What the warm-up met is no news.
        grep -A 2 'NOTICE:' "$work/target.log" >&2 || true
    fi
    date +%s%3N >> "$work/moments"
    switch_pooler
    date +%s%3N >> "$work/moments"
    say "move: the tenant is on the target; the pause was $(pause_took)"
}

# In milliseconds, of the moments that were noted: of a switch that was resumed, those of this run.
pause_took() {
    awk '{ at[NR] = $1 } END { printf "%d ms", at[NR] - at[1]
        if (NR == 6) printf " (pause %d, hold %d, print %d, compare and take over %d, route %d)", at[2] - at[1], at[3] - at[2], at[4] - at[3], at[5] - at[4], at[6] - at[5] }' "$work/moments"
}

# What was held is let go, unless it has arrived all the same. A session that went on at the target without us must not take
# over afterwards: the mark that it waits for is made another one first, and is seen there before anybody writes here again.
give_up_switch() {
    local state mark
    look
    if [ "$at_target" = arrived ]; then return 0; fi
    if [ "$at_source" = fenced ] || [ "$at_source" = held ]; then
        mark=$(on_source "UPDATE voice._move_mark SET token = gen_random_uuid() WHERE tenant_id = :'tenant' RETURNING token")
        while [ -n "$mark" ]; do
            state=$(on_target "SELECT coalesce((SELECT token::text FROM voice._move_mark WHERE tenant_id = :'tenant'), '') || '/'
                || (SELECT arrived_at IS NOT NULL FROM voice._receiving WHERE tenant_id = :'tenant')") ||
                die 'move: the target is gone in the middle of the switch. The tenant is held until the command is repeated, or --undo.'
            case $state in
                */true) return 0 ;;
                "$mark/false") break ;;
            esac
            sleep 0.05
        done
        on_source "SELECT voice_release_tenant(:'tenant', true)" > /dev/null
    fi
    resume
    die 'move: the switch was given up, and the tenant goes on at the source. Repeat the command, or --undo.'
}

finish() {
    local left
    look
    if [ "$subscribed" = t ]; then
        on_target "DROP SUBSCRIPTION $name"
    fi
    say "move: rolled up on the target: $(on_target 'SELECT count(*) FROM voice._roll_up_due()') days"
    if [ -n "$keep" ]; then
        say "move: at the source the tenant stays as it was, and nobody is let to it; voice_forget_tenant() deletes it"
        return
    fi
    if [ "$at_source" != forgetting ]; then
        on_target "SELECT voice_tenant_print(:'tenant', now())" > "$work/print"
        left=$(with_print "SELECT voice_forget_tenant(:'tenant', :'print')" | on "$source_server")
    else
        left=1
    fi
    while [ "$left" != 0 ]; do
        left=$(on_source "SELECT voice_forget_tenant(:'tenant')")
        say "move:   ${left/#10000/10000 or more} calls are left at the source"
    done
    say 'move: nothing of the tenant is left at the source'
}

undo_move() {
    local left=1
    if [ -n "$target_is_gone" ]; then
        on_source "SELECT count(pg_drop_replication_slot(slot_name)) FROM pg_replication_slots WHERE slot_name = :'name'" > /dev/null
    else
        look
        [ "$at_target" != arrived ] || die 'move: it has switched: there is nothing to undo. Move the tenant back.'
        # From here on it cannot arrive: its tables are not subscribed.
        if [ "$subscribed" = t ]; then on_target "DROP SUBSCRIPTION $name"; fi
        on_source "SELECT count(pg_drop_replication_slot(slot_name)) FROM pg_replication_slots WHERE slot_name = :'name' AND NOT active" > /dev/null
        while [ "$at_target" = receiving ] && [ "$left" != 0 ]; do
            left=$(on_target "SELECT voice_forget_tenant(:'tenant')")
            say "move:   $left calls are left at the target"
        done
    fi
    on_source "SELECT voice_release_tenant(:'tenant')" > /dev/null
    resume
    # Slots of a copy that was under way have names of the target's own numbers, so they may be another subscriber's.
    on_source "SELECT format('move: slots of copies are left; if they are of this target: SELECT pg_drop_replication_slot(%L)', slot_name)
        FROM pg_replication_slots WHERE slot_name ~ '^pg_[0-9]+_sync_' AND NOT active"
    say "move: undone; tenant $tenant is where it was"
}
