-- What is known of calls in progress by the looks before, and for how many seconds each of these jobs has waited.
SELECT j.id, pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - j.run_at),
    l.summary, l.seen, l.whole_lines, l.redacted, l.low_looks, l.alerts
FROM voice.job j
LEFT JOIN voice.live l ON l.call_id = j.call_id
WHERE j.id = ANY ($1::bigint[])
