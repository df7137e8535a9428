-- What waits to be delivered, a row a webhook and priority: the deliveries that are due, the longest waiting first, as
-- many as the webhook has room for ($1, or $3 for those of $2); and in how many seconds the next one will be due. As
-- look.sql, by job_delivery_idx: each step of the recursion is one probe, so those of a receiver that is down are passed over.
WITH RECURSIVE receiver AS (
    (SELECT j.webhook_id, j.priority FROM voice.job j WHERE j.webhook_id IS NOT NULL ORDER BY j.webhook_id, j.priority LIMIT 1)
    UNION ALL
    SELECT following.webhook_id, following.priority
    FROM receiver r
    CROSS JOIN LATERAL (
        SELECT j.webhook_id, j.priority FROM voice.job j
        WHERE j.webhook_id IS NOT NULL AND (j.webhook_id, j.priority) > (r.webhook_id, r.priority)
        ORDER BY j.webhook_id, j.priority LIMIT 1
    ) following
)
SELECT r.priority, r.webhook_id,
    ARRAY(SELECT j.id FROM voice.job j
          WHERE j.webhook_id = r.webhook_id AND j.priority = r.priority AND j.run_at <= pg_catalog.now() AND j.lease IS NULL
          ORDER BY j.run_at, j.id
          LIMIT coalesce((SELECT b.room FROM unnest($2::uuid[], $3::bigint[]) b(webhook_id, room) WHERE b.webhook_id = r.webhook_id), $1)),
    (SELECT pg_catalog.date_part('epoch', j.run_at - pg_catalog.now()) FROM voice.job j
     WHERE j.webhook_id = r.webhook_id AND j.priority = r.priority AND j.run_at > pg_catalog.now() AND j.lease IS NULL
     ORDER BY j.run_at LIMIT 1)
FROM receiver r
