-- The same call once more: the setting bench.copy is in the last byte of its id.
DO $$
BEGIN
    IF to_regprocedure('load_first_uuid(text)') IS NULL THEN
        ALTER FUNCTION load_uuid(text) RENAME TO load_first_uuid;
    END IF;
END
$$;
CREATE OR REPLACE FUNCTION load_uuid(id text) RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT (left(f.uuid::text, 34) || lpad(to_hex(('x' || right(f.uuid::text, 2))::bit(8)::int
        # coalesce(current_setting('bench.copy', true)::int, 0)), 2, '0'))::uuid
    FROM (SELECT load_first_uuid(id) AS uuid) f
$$;
