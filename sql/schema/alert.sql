-- Alerts on rates: what is watched, what was raised and cleared, and sums of past hours that windows of more than an hour are made
-- of. Only voice_worker writes here: the functions of alerts, and the maintenance process once a minute.

CREATE FUNCTION voice._install_alert() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.alert') IS NULL THEN
        CREATE TABLE voice.alert (
            created_at timestamptz NOT NULL DEFAULT now(),
            evaluated_at timestamptz,
            known_at timestamptz,
            raised_at timestamptz,
            silenced_until timestamptz,
            "window" interval NOT NULL
                CONSTRAINT alert_window_in_range CHECK ("window" BETWEEN interval '1 minute' AND interval '7 days'),
            threshold double precision NOT NULL
                CONSTRAINT alert_threshold_in_range CHECK (threshold >= 0 AND threshold < 'infinity'),
            value double precision,
            calls bigint,
            event_id uuid,
            min_calls int NOT NULL DEFAULT 20 CONSTRAINT alert_min_calls_in_range CHECK (min_calls BETWEEN 0 AND 1000000),
            tenant_id text NOT NULL DEFAULT voice._tenant(),
            name text NOT NULL CONSTRAINT alert_name_is_short CHECK (char_length(name) BETWEEN 1 AND 100),
            metric text NOT NULL CONSTRAINT alert_metric_known CHECK (metric IN ('success_rate', 'negative_share', 'tool_failure_rate',
                'e2e_p95_ms', 'transfer_share', 'volume', 'cost', 'drift', 'dead_jobs')),
            op text NOT NULL CONSTRAINT alert_op_known CHECK (op IN ('<', '<=', '>', '>=')),
            agent_id text,
            vertical text,
            part text,
            PRIMARY KEY (tenant_id, name),
            CONSTRAINT alert_raised_with_its_event CHECK ((raised_at IS NULL) = (event_id IS NULL))
        ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
        CREATE UNIQUE INDEX alert_name_in_any_case_idx ON voice.alert (tenant_id, lower(name));
        PERFORM voice._make_private('voice.alert');
        PERFORM voice._enable_tenant_rls('voice.alert');
        COMMENT ON TABLE voice.alert IS 'rates that are looked at every minute: voice_add_alert(), voice_alerts()';
        COMMENT ON COLUMN voice.alert.evaluated_at IS 'the minute it was last evaluated for; NULL: not yet';
        COMMENT ON COLUMN voice.alert.known_at IS 'the last minute with a value of at least min_calls calls';
        COMMENT ON COLUMN voice.alert.raised_at IS 'since when it is raised; NULL: it is not';
        COMMENT ON COLUMN voice.alert.event_id IS 'of the row of voice.alert_event by which it was raised; NULL: it is not';
        COMMENT ON COLUMN voice.alert.silenced_until IS 'until then nobody is told of it; it is evaluated all the same';
        COMMENT ON COLUMN voice.alert."window" IS 'the stretch of time before each evaluation; of more than an hour, from a full hour on';
        COMMENT ON COLUMN voice.alert.threshold IS 'in the unit of the metric: a share of 1, milliseconds, money, a number';
        COMMENT ON COLUMN voice.alert.value IS 'as of evaluated_at; NULL: nothing was measured';
        COMMENT ON COLUMN voice.alert.calls IS 'calls that value is made of; of volume, the mean of the weeks before; NULL: of dead_jobs';
        COMMENT ON COLUMN voice.alert.min_calls IS 'on fewer calls it is not raised';
        COMMENT ON COLUMN voice.alert.agent_id IS 'calls of this agent only; NULL: of all';
        COMMENT ON COLUMN voice.alert.vertical IS 'calls of agents of this vertical only; NULL: of all';
        COMMENT ON COLUMN voice.alert.part IS 'of success_rate: results of this analysis only, NULL: of all; of cost: the currency';
    END IF;
    IF to_regclass('voice.alert_event') IS NULL THEN
        CREATE TABLE voice.alert_event (
            id uuid NOT NULL DEFAULT @extschema@.voice_uuidv7(),
            at timestamptz NOT NULL,
            told_at timestamptz,
            raised_at timestamptz NOT NULL,
            "window" interval NOT NULL,
            threshold double precision NOT NULL,
            value double precision,
            calls bigint,
            tenant_id text NOT NULL DEFAULT voice._tenant(),
            alert text NOT NULL,
            event text NOT NULL CONSTRAINT alert_event_known CHECK (event IN ('alert.raised', 'alert.cleared')),
            reason text NOT NULL
                CONSTRAINT alert_event_reason_known CHECK (reason IN ('past the threshold', 'back', 'too few calls', 'removed')),
            metric text NOT NULL,
            op text NOT NULL,
            agent_id text,
            vertical text,
            part text,
            PRIMARY KEY (id)
        );
        CREATE INDEX alert_event_tenant_id_at_idx ON voice.alert_event (tenant_id, at);
        PERFORM voice._make_private('voice.alert_event');
        PERFORM voice._enable_tenant_rls('voice.alert_event');
        COMMENT ON TABLE voice.alert_event IS 'alerts that were raised and cleared, each once; a row stays when its alert is removed';
        COMMENT ON COLUMN voice.alert_event.at IS 'the minute of the evaluation';
        COMMENT ON COLUMN voice.alert_event.told_at IS 'when its deliveries to webhooks were queued; NULL: it was silenced';
        COMMENT ON COLUMN voice.alert_event.raised_at IS 'of alert.cleared: when it was raised; of alert.raised: at';
        COMMENT ON COLUMN voice.alert_event.alert IS 'name of the alert; the columns of the same names are the alert''s at that moment';
        COMMENT ON COLUMN voice.alert_event.reason IS 'past the threshold: on its wrong side; back: a tenth of the way from the threshold to the best value; too few calls: for a window, or an hour; removed: the alert was';
    END IF;
    IF to_regclass('voice._alert_hour') IS NULL THEN
        CREATE TABLE voice._alert_hour (
            hour timestamptz NOT NULL,
            calls bigint NOT NULL,
            n bigint NOT NULL,
            hits double precision NOT NULL,
            tenant_id text NOT NULL,
            metric text NOT NULL,
            agent_id text NOT NULL,
            part text NOT NULL,
            PRIMARY KEY (tenant_id, metric, hour, agent_id, part)
        );
        PERFORM voice._make_private('voice._alert_hour');
        COMMENT ON TABLE voice._alert_hour IS 'sums of voice._alert_facts() of past hours, for alerts with a window of more than an hour';
    END IF;
    IF to_regclass('voice._alert_hour_done') IS NULL THEN
        CREATE TABLE voice._alert_hour_done (
            hour timestamptz NOT NULL,
            computed_at timestamptz NOT NULL,
            tenant_id text NOT NULL,
            metric text NOT NULL,
            PRIMARY KEY (tenant_id, metric, hour)
        );
        -- Those that are summed up again.
        CREATE INDEX _alert_hour_done_open_idx ON voice._alert_hour_done (computed_at) WHERE computed_at - hour < interval '25 hours';
        PERFORM voice._make_private('voice._alert_hour_done');
        COMMENT ON TABLE voice._alert_hour_done IS 'which hours voice._alert_hour has, also those without a call';
    END IF;
    IF to_regclass('voice._alert_window') IS NULL THEN
        CREATE TABLE voice._alert_window (
            first timestamptz NOT NULL,
            past timestamptz NOT NULL,
            calls bigint NOT NULL,
            n bigint NOT NULL,
            hits double precision NOT NULL,
            tenant_id text NOT NULL,
            metric text NOT NULL,
            agent_id text NOT NULL,
            part text NOT NULL,
            PRIMARY KEY (tenant_id, metric, first, past, agent_id, part)
        );
        PERFORM voice._make_private('voice._alert_window');
        COMMENT ON TABLE voice._alert_window IS 'sums of voice._alert_hour over the full hours of a window, made once an hour; agent_id and part empty: it is complete';
    END IF;
    IF to_regclass('voice._alert_drift') IS NULL THEN
        CREATE TABLE voice._alert_drift (
            hour timestamptz NOT NULL,
            "window" interval NOT NULL,
            value double precision,
            calls bigint NOT NULL,
            tenant_id text NOT NULL,
            PRIMARY KEY (tenant_id, "window", hour)
        );
        PERFORM voice._make_private('voice._alert_drift');
        COMMENT ON TABLE voice._alert_drift IS 'the largest population stability index of voice_drift(), once an hour';
    END IF;
END
$$;
COMMENT ON FUNCTION voice._install_alert() IS 'creates the tables of alerts that are missing';
