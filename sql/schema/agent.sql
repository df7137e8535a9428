-- An agent belongs to one tenant; the reference from call carries the tenant, because foreign keys see past row-level security.

CREATE FUNCTION voice._install_agent() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.agent') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.agent (
        created_at timestamptz NOT NULL DEFAULT now(),
        deleted_at timestamptz,
        id text NOT NULL DEFAULT gen_random_uuid()::text CONSTRAINT agent_id_not_empty CHECK (id <> ''),
        tenant_id text NOT NULL DEFAULT voice._tenant(),
        name text NOT NULL DEFAULT '',
        vertical text NOT NULL DEFAULT 'general' CONSTRAINT agent_vertical_not_empty CHECK (vertical <> ''),
        prompt_hash text,
        voice text,
        PRIMARY KEY (id),
        UNIQUE (id, tenant_id)
    );
    PERFORM voice._make_private('voice.agent');
    PERFORM voice._enable_tenant_rls('voice.agent');
    COMMENT ON TABLE voice.agent IS 'voice agents: what answers or places the calls';
    COMMENT ON COLUMN voice.agent.id IS 'chosen by you, unique in the database; a random uuid when not given';
    COMMENT ON COLUMN voice.agent.tenant_id IS 'whose agent it is: the setting voice_analytics.tenant';
    COMMENT ON COLUMN voice.agent.vertical IS 'the trade it works for: healthcare, salon, real_estate, …';
    COMMENT ON COLUMN voice.agent.prompt_hash IS 'which prompt it runs, so that results can be compared by prompt';
    COMMENT ON COLUMN voice.agent.voice IS 'the text-to-speech voice it speaks with';
    COMMENT ON COLUMN voice.agent.deleted_at IS 'set: it takes no new calls; its calls stay';
END
$$;
COMMENT ON FUNCTION voice._install_agent() IS 'creates voice.agent if it is missing';
