-- Few notifications a batch: each is a list of up to fifty calls, which is below the 8000 bytes that a payload may have
-- whatever the figures are. The headline figures only: whoever may LISTEN is not asked for his privileges on the tables.
-- Nor for his tenant: where anybody is pinned, a call is named and the figures are for who may read them.
SELECT pg_catalog.pg_notify(told.channel, pg_catalog.json_agg(told.headline ORDER BY told.nth)::text)
FROM (
    SELECT channel.name AS channel,
        CASE WHEN EXISTS (SELECT FROM voice._pin) THEN pg_catalog.json_build_object('call_id', a.call_id)
            ELSE pg_catalog.json_build_object('call_id', a.call_id, 'lead_score', a.lead_score, 'sentiment', a.sentiment,
                'intent', a.intent) END AS headline,
        pg_catalog.row_number() OVER (PARTITION BY channel.name ORDER BY a.call_id) - 1 AS nth
    FROM voice.analytics a
    JOIN (VALUES ('voice_call_analyzed', false), ('voice_lead_hot', true)) channel(name, hot)
        ON NOT channel.hot OR (a.lead_score >= 80 AND a.intent = 'sales')
    WHERE a.call_id = ANY ($1::uuid[]) AND a.call_id BETWEEN $2 AND $3
) told
GROUP BY told.channel, told.nth / 50
