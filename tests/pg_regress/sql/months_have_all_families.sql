-- A month is seven leaves with the same bounds; a leaf's keys reference its own month, and the parents carry none but the agent's.
BEGIN;
SELECT count(*) > 0 AS made FROM voice._create_months('{2002-02-01}');
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bound,
       (SELECT string_agg(pg_get_constraintdef(k.oid), '; ' ORDER BY k.confrelid::regclass::text)
        FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f') AS keys
FROM pg_class c WHERE c.relname LIKE '%\_2002\_02' AND c.relkind = 'r' ORDER BY c.relname COLLATE "C";
SELECT k.conrelid::regclass, pg_get_constraintdef(k.oid) AS key
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE c.relnamespace = 'voice'::regnamespace AND c.relkind = 'p' AND k.contype = 'f';
ROLLBACK;
-- The months around now exist since the installation.
SELECT count(*) FROM voice_create_partitions(3, now() - interval '1 month');
