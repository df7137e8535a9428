# shellcheck shell=bash
# Sourced by demo/run: a fortnight of calls to look back on, and the page that shows them. REPORT=open opens it.

# The calls of the demo again, as if they had come in the last fifteen days: by day, fewer at weekends, in hours of work.
history_script() {
    cat << 'SQL'
CREATE TEMP TABLE line (number int GENERATED ALWAYS AS IDENTITY, call text);
\copy line (call) FROM pstdin WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')
SELECT setseed(0.5);
SELECT count(voice_import_call((e.call || jsonb_build_object('id', format('%s-%s-%s', coalesce(e.call->>'id', ''), e.number, e.day), 'started_at',
    to_char((date_trunc('day', now()) - e.day * interval '1 day' + interval '1 hour' * (8 + e.late)) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')))))
FROM (SELECT l.number, l.call::jsonb AS call, d.day, 11 * (random() + random()) / 2 AS late,
             random() < CASE extract(isodow FROM now() - d.day * interval '1 day') WHEN 6 THEN 0.4 WHEN 7 THEN 0.25 ELSE 0.95 END AS called
      FROM line l CROSS JOIN generate_series(1, 15) d(day) ORDER BY l.number, d.day) e
WHERE e.called;
SQL
}

# $home and $calls are those of demo/server.sh and demo/run.
# shellcheck disable=SC2154
report() {
    local page=target/demo/report.html
    say
    heading 'A page to open each morning'
    history_script > target/demo/history.sql
    say "imported $(gzip -dcf "$calls" | sql -At -f target/demo/history.sql | tail -n 1) of the same calls again, as if of the last fifteen days"
    watch_analytics
    value 'SELECT count(voice_rollup((now())::date - n)) FROM generate_series(1, 15) n' > /dev/null
    printf '%sSELECT voice_report();%s\n' "$dim" "$plain"
    value 'SELECT voice_report()' > "$page"
    say "the page is $PWD/$page ($(($(wc -c < "$page") / 1024)) KB, one file)"
    if [ "${REPORT:-}" = open ]; then
        xdg-open "$page" > /dev/null 2>&1 || say 'demo: nothing here opens a page (xdg-open)'
    else
        say 'make demo REPORT=open opens it'
    fi
}
