-- Each family with its partitions and their indexes; what stands alone counts for itself.
SELECT p.relname::text, sum(pg_total_relation_size(coalesce(i.inhrelid, p.oid)))::bigint
FROM pg_class p
LEFT JOIN pg_inherits i ON i.inhparent = p.oid
WHERE p.relnamespace = 'voice'::regnamespace AND p.relkind IN ('r', 'p') AND NOT p.relispartition
GROUP BY p.relname
