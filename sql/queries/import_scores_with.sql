-- Scores of calls, a JSON object each. Runs under whatever search path the session has, as voice_worker: schemas are named,
-- of operators too.
SELECT voice._import_scores(pg_catalog.jsonb_agg(s.scores::pg_catalog.jsonb OPERATOR(pg_catalog.||)
                                                 pg_catalog.jsonb_build_object('call_id', s.id)))
FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) s(id, scores)
