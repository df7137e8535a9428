-- The headline figures only: whoever may LISTEN is not asked for his privileges on the tables.
SELECT pg_catalog.pg_notify('voice_call_analyzed', headline.json),
       CASE WHEN headline.hot THEN pg_catalog.pg_notify('voice_lead_hot', headline.json) END
FROM (
    SELECT pg_catalog.json_build_object('call_id', a.call_id, 'lead_score', a.lead_score, 'sentiment', a.sentiment,
               'intent', a.intent)::text AS json,
           a.lead_score >= 80 AND a.intent = 'sales' AS hot
    FROM voice.analytics a
    WHERE a.call_id = ANY ($1::uuid[]) AND a.call_id BETWEEN $2 AND $3
) headline
