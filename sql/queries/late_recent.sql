-- A call that ended long ago by its own clock may have come in just now (history, written turn by turn).
-- Runs under whatever search path the session has, as voice_worker: operators name their schema too.
SELECT EXISTS (SELECT 1 FROM voice.job j
               WHERE j.call_id OPERATOR(pg_catalog.=) $1 AND j.kind OPERATOR(pg_catalog.=) 'analyze')
    OR EXISTS (SELECT 1 FROM voice.analytics a
               WHERE a.call_id OPERATOR(pg_catalog.=) $1
                 AND a.computed_at OPERATOR(pg_catalog.>)
                     (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) interval '10 minutes'))
