-- What people who run voice agents look at in the morning, as data (voice_report_data) and as one page (voice_report). Both read as
-- whoever asks: what a caller may not read is left out, and named in left_out. Days past come from roll-ups, days that are not
-- rolled up yet from the calls; as in voice_scorecard(), since counts from the start of its day.

CREATE FUNCTION voice._may_read(relation text, columns text[]) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT bool_and(has_column_privilege(format('voice.%I', $1), c, 'SELECT')) FROM unnest($2) c $$;
COMMENT ON FUNCTION voice._may_read(text, text[]) IS 'whether the current role may read all these columns of a table of voice';

-- Figures of days and agents, from the roll-up and, since live_from, from what the caller may read: a day has a row or several.
CREATE FUNCTION voice._report_days(tenant text, first_day date, live_from date, past_day date, agents text[],
    OUT day date, OUT agent_id text, OUT calls bigint, OUT in_progress bigint, OUT completed bigint, OUT failed bigint, OUT transferred bigint,
    OUT minutes double precision, OUT analyzed bigint, OUT sentiment_sum double precision, OUT lead_score_sum bigint, OUT hot_leads bigint,
    OUT passed bigint, OUT not_passed bigint) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
DECLARE
    zone CONSTANT text := voice._zone();
    since CONSTANT timestamptz := live_from::timestamp AT TIME ZONE zone;
    until CONSTANT timestamptz := past_day::timestamp AT TIME ZONE zone;
    live text := '';
    -- Days that are not over and whose results are summed up, as in voice_scorecard().
    summed date[] := '{}';
BEGIN
    IF live_from < past_day AND voice._may_read('call', '{id,started_at,deleted_at,duration_ms,status,tenant_id,agent_id}') THEN
        live := live || $live$
            UNION ALL
            SELECT (c.started_at AT TIME ZONE $5)::date, c.agent_id, count(*), count(*) FILTER (WHERE c.status = 'in_progress'),
                   count(*) FILTER (WHERE c.status = 'completed'), count(*) FILTER (WHERE c.status = 'failed'), count(*) FILTER (WHERE c.status = 'transferred'),
                   coalesce(sum(c.duration_ms) FILTER (WHERE c.status <> 'in_progress'), 0) / 60000.0, 0, 0, 0, 0, 0, 0
            FROM voice.call c
            WHERE c.tenant_id = $6 AND c.id >= $1 AND c.id < $2 AND c.started_at >= $3 AND c.started_at < $4 AND c.deleted_at IS NULL AND ($12 IS NULL OR c.agent_id = ANY ($12))
            GROUP BY 1, 2$live$;
    END IF;
    IF live_from < past_day AND voice._may_read('analytics', '{call_id,started_at,deleted_at,sentiment,lead_score,tenant_id,agent_id,intent}') THEN
        live := live || $live$
            UNION ALL
            SELECT (a.started_at AT TIME ZONE $5)::date, a.agent_id, 0, 0, 0, 0, 0, 0, count(*), sum(a.sentiment), sum(a.lead_score),
                   count(*) FILTER (WHERE voice._is_hot_lead(a.lead_score, a.intent)), 0, 0
            FROM voice.analytics a
            WHERE a.tenant_id = $6 AND a.call_id >= $1 AND a.call_id < $2 AND a.started_at >= $3 AND a.started_at < $4 AND a.deleted_at IS NULL AND ($7 IS NULL OR a.agent_id = ANY ($7))
            GROUP BY 1, 2$live$;
    END IF;
    IF live_from < past_day AND voice._may_read('result', '{call_id,started_at,deleted_at,version,score,unsupported,tenant_id,agent_id,vertical,analysis,success,criteria,refused}') THEN
        summed := voice._open_days_rolled_up(tenant, live_from);
        IF EXISTS (SELECT 1 FROM generate_series(live_from, past_day - 1, interval '1 day') d(day) WHERE d.day::date <> ALL (summed)) THEN
            live := live || format($live$
                UNION ALL
                SELECT r.day, r.agent_id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, count(*) FILTER (WHERE r.success = 'pass'), count(*) FILTER (WHERE r.success = 'fail')
                FROM (%s) r WHERE r.day <> ALL ($11) GROUP BY 1, 2$live$, voice._counted_results('AND r.tenant_id = $6 AND ($7 IS NULL OR r.agent_id = ANY ($7))'));
        END IF;
        live := live || $live$
            UNION ALL
            SELECT d.day, d.agent_id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, d.passed, d.failed
            FROM voice.daily_result d WHERE d.tenant_id = $6 AND d.day = ANY ($11) AND ($7 IS NULL OR d.agent_id = ANY ($7))$live$;
    END IF;
    RETURN QUERY EXECUTE format($query$
        SELECT d.day, d.agent_id, d.calls, d.in_progress, d.completed, d.failed, d.transferred, d.minutes, d.analyzed, d.sentiment_sum, d.lead_score_sum,
               d.hot_leads, d.analyses_passed, d.analyses_failed
        FROM voice.daily d
        WHERE d.tenant_id = $6 AND d.day >= $8 AND d.day < $9 AND d.day < $10 AND ($7 IS NULL OR d.agent_id = ANY ($7))
        %s$query$, live)
    USING @extschema@.voice_uuid_at(since - interval '24 hours'), @extschema@.voice_uuid_at(until + interval '24 hours 1 millisecond'), since, until,
          zone, tenant, agents, first_day, live_from, past_day, summed, coalesce(agents, voice._few_agents(tenant));
END
$$;
COMMENT ON FUNCTION voice._report_days(text, date, date, date, text[]) IS 'what voice.daily has of these days, and of those that are not rolled up yet as far as the caller may read';

-- How the calls of these days are spread: rows of voice.daily_detail, of all agents together where agents is NULL.
CREATE FUNCTION voice._report_details(tenant text, first_day date, live_from date, past_day date, agents text[]) RETURNS TABLE (
    day date, hours jsonb, intents jsonb, latencies jsonb, tools jsonb, end_reasons jsonb, longest_silence_ms int, longest_silence_call uuid)
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
DECLARE
    zone CONSTANT text := voice._zone();
    since CONSTANT timestamptz := live_from::timestamp AT TIME ZONE zone;
    until CONSTANT timestamptz := past_day::timestamp AT TIME ZONE zone;
    may_read_words CONSTANT boolean := voice._may_read('daily_detail', '{tools,end_reasons,longest_silence_ms,longest_silence_call}');
    -- Days that are not over and are summed up (voice._roll_up_open_detail()), for all agents together.
    summed date[] := '{}';
BEGIN
    IF agents IS NULL THEN
        SELECT coalesce(array_agg(d.day), '{}') INTO summed FROM voice.daily_detail d
        WHERE d.tenant_id = tenant AND d.day >= live_from AND d.day < past_day AND d.agent_id = '' AND d.computed_at > now() - interval '5 minutes';
    END IF;
    RETURN QUERY EXECUTE format($query$
        SELECT d.day, d.hours, d.intents, d.latencies, %s
        FROM voice.daily_detail d
        WHERE d.tenant_id = $1 AND d.day >= $2 AND (d.day < $3 OR d.day = ANY ($5)) AND d.agent_id = ANY ($4)$query$,
        CASE WHEN may_read_words THEN 'd.tools, d.end_reasons, d.longest_silence_ms, d.longest_silence_call' ELSE '''{}''::jsonb, ''{}''::jsonb, NULL::int, NULL::uuid' END)
    USING tenant, first_day, least(live_from, past_day), coalesce(agents, '{""}'), summed;
    -- What is open is read from the calls, by whoever may read those. Turns are many: those of the newest 200 calls of a day tell how fast it is.
    IF EXISTS (SELECT 1 FROM generate_series(live_from, past_day - 1, interval '1 day') d(day) WHERE d.day::date <> ALL (summed))
       AND may_read_words AND voice._may_read('call', '{end_reason}') AND voice._may_read('turn', '{text}')
       AND voice._may_read('tool_call', '{error_text}') AND voice._may_read('analytics', '{intent}') THEN
        RETURN QUERY EXECUTE format($query$
            SELECT s.day, s.hours, s.intents, s.latencies, s.tools, s.end_reasons, s.longest_silence_ms, s.longest_silence_call
            FROM (%s) s WHERE s.day <> ALL ($8)$query$, voice._detail_sums('AND c.tenant_id = $6 AND ($7 IS NULL OR c.agent_id = ANY ($7))', false, 200))
        USING @extschema@.voice_uuid_at(since - interval '24 hours'), @extschema@.voice_uuid_at(until + interval '24 hours 1 millisecond'), since, until,
              zone, tenant, coalesce(agents, voice._few_agents(tenant)), summed;
    END IF;
END
$$;
COMMENT ON FUNCTION voice._report_details(text, date, date, date, text[]) IS 'rows of voice.daily_detail, and for a reader the same of days that are not rolled up yet';

-- Calls that a person should look at, by why: leads since then, what is to be listened to since another time.
CREATE FUNCTION voice._report_calls(tenant text, since timestamptz, heard_since timestamptz, agents text[], silences jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
DECLARE
    with_words CONSTANT boolean := voice._may_read('analytics', '{summary,next_action,entities,contact_number,evidence}') AND voice._may_read('turn', '{text}');
    columns text := 'a.call_id, a.started_at, a.agent_id, a.vertical, a.sentiment, a.lead_score, a.intent, a.external_id, a.unsupported, a.model';
    found jsonb;
BEGIN
    IF with_words THEN
        columns := columns || ', a.entities, a.summary, a.next_action, a.contact_number, a.evidence';
    END IF;
    EXECUTE format($query$
        WITH newest AS MATERIALIZED (
            SELECT a.call_id, a.started_at, a.sentiment, a.unsupported, a.sentiment < 0 AND a.model NOT LIKE 'rule/%%' AS unhappy FROM voice.analytics a
            WHERE a.tenant_id = $1 AND a.started_at >= $7 AND a.call_id >= $8 AND a.deleted_at IS NULL AND ($4 IS NULL OR a.agent_id = ANY ($4))
              AND (a.sentiment < 0 OR a.unsupported > 0)
        ), best AS (
            -- In the order of an index.
            (SELECT 'lead' AS why, a.call_id, a.lead_score::double precision AS value, -a.lead_score::double precision AS rank, a.started_at
             FROM voice.analytics a
             WHERE a.tenant_id = $1 AND a.lead_score >= 50 AND a.started_at >= $2 AND a.call_id >= $3 AND a.deleted_at IS NULL
               AND ($4 IS NULL OR a.agent_id = ANY ($4))
             ORDER BY a.lead_score DESC, a.started_at DESC LIMIT 40)
            UNION ALL
            (SELECT 'sentiment', n.call_id, n.sentiment, n.sentiment, n.started_at
             FROM newest n WHERE n.unhappy ORDER BY n.sentiment, n.started_at DESC LIMIT 3)
            UNION ALL
            (SELECT 'doubt', n.call_id, n.unsupported, -n.unsupported, n.started_at
             FROM newest n WHERE n.unsupported > 0 ORDER BY n.unsupported DESC, n.started_at DESC LIMIT 3)
            UNION ALL
            (SELECT 'silence', n.call_id, (s->>'ms')::double precision, -(s->>'ms')::double precision, n.started_at
             FROM jsonb_array_elements($5) s
             CROSS JOIN LATERAL (SELECT a.call_id, a.started_at FROM voice.analytics a
                                 WHERE a.call_id = (s->>'call')::uuid AND a.call_id >= $3 AND a.tenant_id = $1 AND a.deleted_at IS NULL OFFSET 0) n
             ORDER BY 4, 5 DESC LIMIT 3)
        ), picked AS MATERIALIZED (
            SELECT b.why, b.call_id, b.value, row_number() OVER (PARTITION BY b.why ORDER BY b.rank, b.started_at DESC) AS place FROM best b
        )
        -- Who called more than once is rung once.
        SELECT jsonb_agg(to_jsonb(p) - '{rank,again,place}'::text[] || jsonb_build_object('agent_name', g.name, 'started', to_char(p.started_at AT TIME ZONE $6, 'Dy FMDD Mon, HH24:MI'))
                         ORDER BY p.why, p.place)
        FROM (SELECT r.*, row_number() OVER (PARTITION BY r.why ORDER BY r.rank) AS place FROM (
                  SELECT p.why, p.value, p.place AS rank, x.*, row_number() OVER (PARTITION BY p.why, %s ORDER BY p.place) AS again
                  FROM picked p CROSS JOIN LATERAL (SELECT %s FROM voice.analytics a WHERE a.call_id = p.call_id AND a.call_id >= $3) x) r
              WHERE r.why <> 'lead' OR r.again = 1) p
        LEFT JOIN voice.agent g ON g.id = p.agent_id
        WHERE p.place <= 10$query$, CASE WHEN with_words THEN 'coalesce(x.contact_number, x.call_id::text)' ELSE 'x.call_id' END, columns)
    USING tenant, since, @extschema@.voice_uuid_at(since - interval '24 hours'), agents, silences, voice._zone(),
          heard_since, @extschema@.voice_uuid_at(heard_since - interval '24 hours') INTO found;
    -- Of a lead the reasons, of a call to listen to its words.
    SELECT jsonb_agg(CASE WHEN NOT with_words THEN c.value - '{external_id,model}'::text[]
        WHEN c.value->>'why' = 'lead' THEN jsonb_set(c.value - '{external_id,model}'::text[], '{evidence}', (
            SELECT coalesce(jsonb_agg(e.value - 'turn' ORDER BY e.n), '[]') FROM jsonb_array_elements(nullif(c.value->'evidence', 'null')) WITH ORDINALITY e(value, n)
            WHERE e.value->>'claim' IN ('lead_score', 'intent')))
        ELSE c.value - '{external_id,model,evidence,entities,contact_number}'::text[]
             || jsonb_build_object('transcript', @extschema@.voice_transcript((c.value->>'call_id')::uuid, 3000)) END ORDER BY c.place)
    INTO found FROM jsonb_array_elements(found) WITH ORDINALITY c(value, place);
    RETURN coalesce(found, '[]');
END
$$;
COMMENT ON FUNCTION voice._report_calls(text, timestamptz, timestamptz, text[], jsonb) IS
    'top leads and calls worth listening to, by why; with words, reasons and transcripts for who may read them; silences: [{"call", "ms"}], the longest first';

-- By currency, the dearest first, with its days. An analyst and an operator see the calls' own cost of days past, as in voice_cost().
CREATE FUNCTION voice._report_cost(first_day date, agents text[]) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$
    WITH cost AS MATERIALIZED (
        SELECT c.* FROM voice._costs(first_day, 'day', agents) c
    ), day AS (
        -- The same in each row of a day.
        SELECT DISTINCT ON (c.group_key) c.group_key, c.minutes, c.unpriced_requests FROM cost c ORDER BY c.group_key
    ), spent AS (
        SELECT c.currency, coalesce(sum(c.calls_with_cost), 0) AS calls_with_cost, sum(c.call_cost) AS call_cost,
               round(sum(c.call_cost) / nullif(sum(c.minutes_with_cost), 0)::numeric, 6) AS call_cost_per_minute,
               coalesce(sum(c.requests), 0) AS requests, coalesce(sum(c.prompt_tokens), 0) AS prompt_tokens,
               coalesce(sum(c.completion_tokens), 0) AS completion_tokens,
               sum(c.analysis_cost) AS analysis_cost,
               round(sum(c.analysis_cost) / nullif((SELECT sum(d.minutes) FROM day d), 0)::numeric, 6) AS analysis_cost_per_minute,
               jsonb_agg(jsonb_build_object('day', c.group_key, 'call_cost', c.call_cost, 'analysis_cost', c.analysis_cost) ORDER BY c.group_key) AS days
        FROM cost c WHERE c.call_cost IS NOT NULL OR c.analysis_cost IS NOT NULL GROUP BY 1
    )
    SELECT jsonb_build_object(
        'unpriced_requests', (SELECT coalesce(sum(d.unpriced_requests), 0) FROM day d),
        'currencies', (SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY coalesce(s.call_cost, 0) + coalesce(s.analysis_cost, 0) DESC, s.currency), '[]')
                       FROM (SELECT s.* FROM spent s ORDER BY coalesce(s.call_cost, 0) + coalesce(s.analysis_cost, 0) DESC, s.currency LIMIT 10) s))
$$;
COMMENT ON FUNCTION voice._report_cost(date, text[]) IS 'what calls and analyses cost from this day on, by currency and day, for voice_report_data()';

CREATE FUNCTION voice_report_data(since timestamptz DEFAULT now() - interval '7 days', vertical text DEFAULT NULL, agent_id text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, voice, pg_temp SET jit = off
AS $$
DECLARE
    tenant CONSTANT text := voice._tenant();
    zone CONSTANT text := voice._zone();
    today CONSTANT date := (now() AT TIME ZONE zone)::date;
    first_day CONSTANT date := (since AT TIME ZONE zone)::date;
    starts CONSTANT timestamptz := first_day::timestamp AT TIME ZONE zone;
    -- The days before, moved by whole weeks so that Mondays stand behind Mondays. Today is not over, and so is no day of its own.
    shift int;
    live_from date;
    agents text[];
    data jsonb;
    part jsonb;
    silences jsonb;
    heard_since timestamptz;
    left_out text[] := '{}';
BEGIN
    IF since IS NULL OR NOT isfinite(since) OR since > now() OR since < now() - interval '400 days' THEN
        RAISE EXCEPTION 'a report needs a time of the last 400 days'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('since is %s.', coalesce(since::text, 'NULL')),
                  HINT = 'voice_report(now() - interval ''7 days''); what is older is in voice.daily.';
    END IF;
    shift := 7 * greatest(1, ceil((today - first_day) / 7.0)::int);
    IF vertical IS NOT NULL OR agent_id IS NOT NULL THEN
        SELECT array_agg(g.id) INTO agents FROM voice.agent g
        WHERE g.tenant_id = tenant AND g.vertical = coalesce(voice_report_data.vertical, g.vertical) AND g.id = coalesce(voice_report_data.agent_id, g.id);
        IF agents IS NULL THEN
            RAISE EXCEPTION 'there is no such agent'
                USING ERRCODE = 'no_data_found',
                      DETAIL = format('vertical is %s, agent_id %s, and tenant "%s" has no agent of that kind.', coalesce(quote_literal(vertical), 'NULL'),
                                      coalesce(quote_literal(agent_id), 'NULL'), tenant),
                      HINT = 'SELECT id, vertical FROM voice.agent lists them; NULL: all.';
        END IF;
    END IF;
    SELECT greatest(first_day - shift, coalesce(max(d.day) + 1, first_day - shift)) INTO live_from
    FROM voice.daily d WHERE d.tenant_id = tenant AND d.day < today;

    WITH figure AS MATERIALIZED (
        SELECT * FROM voice._report_days(tenant, first_day - shift, live_from, today + 1, agents)
    ), by_day AS MATERIALIZED (
        SELECT r.day, sum(r.calls) AS calls, sum(r.in_progress) AS in_progress, sum(r.completed) AS completed, sum(r.failed) AS failed,
               sum(r.transferred) AS transferred, sum(r.minutes) AS minutes, sum(r.analyzed) AS analyzed,
               sum(r.sentiment_sum) / nullif(sum(r.analyzed), 0) AS sentiment, sum(r.lead_score_sum)::double precision / nullif(sum(r.analyzed), 0) AS lead_score,
               sum(r.hot_leads) AS hot_leads, sum(r.passed) AS passed, sum(r.not_passed) AS not_passed
        FROM figure r GROUP BY r.day
    )
    SELECT jsonb_build_object('version', 1, 'tenant', tenant, 'since', starts, 'until', now(), 'zone', zone, 'vertical', voice_report_data.vertical,
               'agent_id', voice_report_data.agent_id, 'first_day', first_day, 'today', today, 'shift_days', shift,
               'period', concat_ws(' to ', CASE WHEN first_day < today THEN to_char(first_day, 'FMDD Mon YYYY') END, to_char(today, 'FMDD Mon YYYY')),
               'as_of', to_char(now() AT TIME ZONE zone, 'Dy FMDD Mon YYYY, HH24:MI'),
               'days', (SELECT jsonb_agg(jsonb_build_object('day', d.day, 'label', to_char(d.day, 'Dy FMDD Mon'), 'before', to_jsonb(b)) || coalesce(to_jsonb(f), '{}') ORDER BY d.day)
                        FROM (SELECT first_day + n AS day FROM generate_series(0, today - first_day) n) d LEFT JOIN by_day f ON f.day = d.day LEFT JOIN by_day b ON b.day = d.day - shift),
               'agents', coalesce((SELECT jsonb_agg(to_jsonb(s) ORDER BY s.calls DESC, s.analyzed DESC, s.agent_id) FROM (
                   SELECT r.agent_id, min(g.name) AS name, min(g.vertical) AS vertical, sum(r.calls) AS calls, sum(r.in_progress) AS in_progress, sum(r.completed) AS completed,
                          sum(r.failed) AS failed, sum(r.transferred) AS transferred, sum(r.minutes) AS minutes, sum(r.analyzed) AS analyzed,
                          sum(r.sentiment_sum) / nullif(sum(r.analyzed), 0) AS sentiment, sum(r.lead_score_sum)::double precision / nullif(sum(r.analyzed), 0) AS lead_score,
                          sum(r.hot_leads) AS hot_leads, sum(r.passed) AS passed, sum(r.not_passed) AS not_passed
                   FROM figure r LEFT JOIN voice.agent g ON g.id = r.agent_id
                   WHERE r.day >= first_day GROUP BY r.agent_id ORDER BY 4 DESC, 10 DESC, 1 LIMIT 50) s), '[]'))
    INTO data;

    IF voice._may_read('daily_detail', '{tenant_id,day,agent_id,hours,intents,latencies}') THEN
        WITH detail AS MATERIALIZED (
            SELECT * FROM voice._report_details(tenant, first_day - shift, live_from, today + 1, agents)
        ), bucket AS MATERIALIZED (
            SELECT d.day, l.stage, b.key::int AS bucket, sum(b.value::bigint)::bigint AS n
            FROM detail d CROSS JOIN (VALUES ('transcription'), ('first_token'), ('first_byte'), ('end_to_end')) l(stage)
            CROSS JOIN LATERAL jsonb_each_text(d.latencies->l.stage) b GROUP BY 1, 2, 3
        ), stage AS (
            -- A percentile is the bucket in which so many are reached.
            SELECT b.day, b.before, b.stage, max(b.total) AS turns, voice._bucket_ms(min(b.bucket) FILTER (WHERE b.up_to >= 0.5 * b.total)) AS p50,
                   voice._bucket_ms(min(b.bucket) FILTER (WHERE b.up_to >= 0.95 * b.total)) AS p95
            FROM (SELECT b.*, sum(b.n) OVER (PARTITION BY b.day, b.before, b.stage ORDER BY b.bucket) AS up_to, sum(b.n) OVER (PARTITION BY b.day, b.before, b.stage) AS total
                  FROM (SELECT b.day, false AS before, b.stage, b.bucket, b.n FROM bucket b WHERE b.day >= first_day
                        UNION ALL
                        SELECT NULL, b.day < first_day, b.stage, b.bucket, sum(b.n)::bigint FROM bucket b WHERE b.day < today - shift OR b.day >= first_day GROUP BY 2, 3, 4) b) b
            GROUP BY 1, 2, 3
        ), tool AS (
            SELECT t.name, t.calls, t.errors, t.p50_ms, t.p95_ms
            FROM voice._add_up_tools(ARRAY(SELECT d.tools FROM detail d WHERE d.day >= first_day)) t ORDER BY t.errors DESC, t.calls DESC, t.name LIMIT 20
        )
        SELECT jsonb_build_object(
            'latencies', (SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY s.stage, s.before, s.day), '[]') FROM stage s),
            'intents', (SELECT coalesce(jsonb_agg(to_jsonb(i) ORDER BY i.calls DESC, i.intent), '[]') FROM (
                SELECT e.key AS intent, coalesce(sum(e.value::bigint) FILTER (WHERE d.day >= first_day), 0) AS calls,
                       coalesce(sum(e.value::bigint) FILTER (WHERE d.day < least(first_day, today - shift)), 0) AS before
                FROM detail d CROSS JOIN LATERAL jsonb_each_text(d.intents) e GROUP BY 1) i),
            'hours', (SELECT coalesce(jsonb_agg(jsonb_build_array(h.dow, h.hour, h.calls) ORDER BY h.dow, h.hour), '[]') FROM (
                SELECT extract(isodow FROM d.day)::int AS dow, e.key::int AS hour, sum(e.value::bigint) AS calls
                FROM detail d CROSS JOIN LATERAL jsonb_each_text(d.hours) e WHERE d.day >= first_day GROUP BY 1, 2) h),
            'tools', (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.errors DESC, t.calls DESC, t.name), '[]') FROM tool t),
            'end_reasons', (SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.calls DESC, r.reason), '[]') FROM (
                SELECT e.key AS reason, sum(e.value::bigint) AS calls FROM detail d CROSS JOIN LATERAL jsonb_each_text(d.end_reasons) e
                WHERE d.day >= first_day GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 12) r)),
            (SELECT jsonb_agg(jsonb_build_object('call', q.longest_silence_call, 'ms', q.longest_silence_ms) ORDER BY q.longest_silence_ms DESC)
             FROM (SELECT d.* FROM detail d WHERE d.day >= first_day AND d.longest_silence_ms >= 3000 AND d.longest_silence_call IS NOT NULL ORDER BY d.longest_silence_ms DESC LIMIT 10) q)
        INTO part, silences;
        IF NOT voice._may_read('daily_detail', '{tools,end_reasons}') THEN
            part := part - '{tools,end_reasons}'::text[];
            left_out := left_out || '{tools,end_reasons}'::text[];
        END IF;
        data := data || part;
    ELSE
        left_out := left_out || '{latencies,intents,hours,tools,end_reasons}'::text[];
    END IF;

    IF voice._may_read('analytics', '{call_id,started_at,deleted_at,sentiment,lead_score,tenant_id,agent_id,vertical,intent,external_id,unsupported,model}') THEN
        -- The newest days that have 25,000 analysed calls together are enough to find the worst ones.
        SELECT coalesce(max(d.day), first_day)::timestamp AT TIME ZONE zone INTO heard_since
        FROM (SELECT (e->>'day')::date AS day, sum((e->>'analyzed')::bigint) OVER (ORDER BY e->>'day' DESC) AS analyzed
              FROM jsonb_array_elements(data->'days') e) d WHERE d.analyzed >= 25000;
        part := voice._report_calls(tenant, starts, heard_since, agents, coalesce(silences, '[]'));
        data := data || jsonb_build_object('calls_to_look_at', part);
        IF NOT voice._may_read('analytics', '{summary}') OR NOT voice._may_read('turn', '{text}') THEN
            left_out := left_out || '{transcripts,evidence}'::text[];
        END IF;
    ELSE
        left_out := left_out || '{calls_to_look_at}'::text[];
    END IF;

    IF voice._may_read('daily_result', '{criteria}') AND voice._may_read('result', '{success,criteria}') AND voice._may_read('analysis', '{name}') THEN
        SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY s.analysis, s.group_key, s.version), '[]') INTO part FROM (
            SELECT s.analysis, s.version, s.group_key, s.calls, s.passed, s.failed, s.success_rate, s.avg_score, s.unsupported, s.criteria
            FROM @extschema@.voice_scorecard(starts, 'agent') s WHERE agents IS NULL OR s.group_key = ANY (agents)
            ORDER BY s.calls DESC, s.analysis, s.group_key, s.version LIMIT 60) s;
        data := data || jsonb_build_object('scorecards', part);
    ELSE
        left_out := left_out || '{scorecards}'::text[];
    END IF;

    -- Of all agents: people label few calls.
    IF voice._may_read('label', '{call_id,labelled_at,sentiment,lead_score,intent,values,criteria,labeller,tenant_id}') AND voice._may_read('analytics', '{summary}')
       AND voice._may_read('result', '{values}') THEN
        IF EXISTS (SELECT 1 FROM voice.label l WHERE l.tenant_id = tenant AND l.labelled_at >= now() - interval '90 days') THEN
            SELECT jsonb_agg(jsonb_build_object('analysis', m.analysis, 'property', m.property, 'calls', m.calls, 'sentence', m.sentence)) INTO part
            FROM (SELECT * FROM @extschema@.voice_agreement(resamples => 200) LIMIT 20) m;
        ELSE
            part := '[]';
        END IF;
        data := data || jsonb_build_object('agreement', coalesce(part, '[]'));
    ELSE
        left_out := left_out || '{agreement}'::text[];
    END IF;

    IF voice._may_read('daily_usage', '{tenant_id,day,agent_id,model,requests,prompt_tokens}') AND voice._may_read('daily_cost', '{tenant_id,day,agent_id,cost}') THEN
        data := data || jsonb_build_object('cost', voice._report_cost(first_day, agents));
    ELSE
        left_out := left_out || '{cost}'::text[];
    END IF;

    IF voice._may_read('backfill', '{name,queued,started_at,finished_at}') AND voice._may_read('trial', '{id,name,model,calls,created_at}') THEN
        SELECT coalesce(jsonb_agg(to_jsonb(p) || jsonb_build_object('ends', to_char(p.estimated_end AT TIME ZONE zone, 'Dy FMDD Mon, HH24:MI'))), '[]') INTO part
        FROM @extschema@.voice_progress() p;
        data := data || jsonb_build_object('progress', part);
    ELSE
        left_out := left_out || '{progress}'::text[];
    END IF;

    IF voice._may_read('job', '{lease,run_at,priority,kind}') AND has_function_privilege('voice._worker_status()', 'EXECUTE') THEN
        SELECT to_jsonb(s) - '{worker_pid,in_flight,provider_failures,months_ahead,calls_in_default}'::text[] INTO part FROM @extschema@.voice_status() s;
        data := data || jsonb_build_object('queue', part);
    ELSE
        left_out := left_out || '{queue}'::text[];
    END IF;
    RETURN data || jsonb_build_object('left_out', left_out);
END
$$;
COMMENT ON FUNCTION voice_report_data(timestamptz, text, text) IS
    'what voice_report() shows, as JSON: figures by day with the weeks before, latencies, intents, hours, tools, agents, scorecards, leads, calls to look at, agreement, cost, progress and the queue; left_out names what the caller may not read';

-- In Rust (src/api/report.rs), and without a look at any table.
CREATE FUNCTION voice._report_page(data jsonb) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'voice_report_page';
COMMENT ON FUNCTION voice._report_page(jsonb) IS 'the page that shows what voice_report_data() gave';

CREATE FUNCTION voice_report(since timestamptz DEFAULT now() - interval '7 days', vertical text DEFAULT NULL, agent_id text DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, voice, pg_temp
AS $$ SELECT voice._report_page(@extschema@.voice_report_data($1, $2, $3)) $$;
COMMENT ON FUNCTION voice_report(timestamptz, text, text) IS
    'a page for a browser, in one file: what voice_report_data() gives, with plots; vertical and agent_id NULL: all';
