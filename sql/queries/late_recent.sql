-- A call that ended long ago by its own clock may have come in just now (history, written turn by turn).
SELECT EXISTS (SELECT FROM voice.job j WHERE j.call_id = $1 AND j.kind = 'analyze')
    OR EXISTS (SELECT FROM voice.analytics a
               WHERE a.call_id = $1 AND a.computed_at > pg_catalog.clock_timestamp() - interval '10 minutes')
