-- The results of calls ($1, which lie from $2 to $3) that a delivery carries: of each analysis those of the newest version that
-- judged the call. No quotes: a receiver is told what was judged, not what was said.
SELECT r.call_id,
       pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
           'analysis', r.analysis, 'version', r.version, 'values', r."values", 'criteria', r.criteria, 'score', r.score,
           'success', r.success, 'unsupported', r.unsupported) ORDER BY r.analysis)::text
FROM voice.result r
WHERE r.call_id = ANY ($1) AND r.call_id BETWEEN $2 AND $3 AND r.deleted_at IS NULL
  AND r.version = (SELECT max(n.version) FROM voice.result n
                   WHERE n.call_id = r.call_id AND n.call_id BETWEEN $2 AND $3 AND n.analysis = r.analysis)
GROUP BY 1
