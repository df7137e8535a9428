-- Latencies are counted in buckets that grow by a twentieth: bucket n holds what is more than 1.05^(n-1) and at most 1.05^n milliseconds.
-- Histograms of several hours, days or agents add up, as percentiles do not; what is read from one is within 2.5 % of the true value.
-- Roll-ups, the report and alerts count alike.

CREATE FUNCTION voice._latency_bucket(ms int) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT pg_catalog.ceil(pg_catalog.ln(CASE WHEN $1 OPERATOR(pg_catalog.>) 1 THEN $1 WHEN $1 OPERATOR(pg_catalog.<=) 1 THEN 1 END::pg_catalog.float8)
                           OPERATOR(pg_catalog./) 0.04879016416943201)::pg_catalog.int4
$$;
COMMENT ON FUNCTION voice._latency_bucket(int) IS 'the bucket of a latency: n holds 1.05^(n-1) to 1.05^n milliseconds; of none, none';

CREATE FUNCTION voice._bucket_ms(bucket int) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT 2::pg_catalog.float8 OPERATOR(pg_catalog.*) pg_catalog.power(1.05::pg_catalog.float8, $1::pg_catalog.float8) OPERATOR(pg_catalog./) 2.05::pg_catalog.float8 $$;
COMMENT ON FUNCTION voice._bucket_ms(int) IS 'the latency that stands for those of a bucket, milliseconds: within 2.5 % of each';
