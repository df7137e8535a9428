-- As in export_call.sql: what analyses that its tenant defined say of the call, each by the newest version that judged it. Without
-- evidence: its quotes are words of the call, which stand in dialogs only.
SELECT r.model, pg_catalog.format('voice_analytics.result/%s/%s', r.analysis, r.version),
       pg_catalog.jsonb_build_object('analysis', r.analysis, 'version', r.version, 'values', r."values", 'criteria', r.criteria,
                                     'score', r.score, 'success', r.success, 'computed_at', r.computed_at)::pg_catalog.text
FROM voice.result r
WHERE r.call_id OPERATOR(pg_catalog.=) $1 AND r.tenant_id OPERATOR(pg_catalog.=) voice._tenant()
  AND NOT EXISTS (SELECT 1 FROM voice.result n WHERE n.call_id OPERATOR(pg_catalog.=) $1
                  AND n.analysis OPERATOR(pg_catalog.=) r.analysis AND n.version OPERATOR(pg_catalog.>) r.version)
ORDER BY r.analysis
