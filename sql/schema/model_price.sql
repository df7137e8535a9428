-- What models cost where it is not what voice_list_prices() says. A table as any other, and empty at first: its rows are users' own,
-- so that a dump of the data can be restored into a new installation.

CREATE FUNCTION voice._install_model_price() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.model_price') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.model_price (
        valid_from date NOT NULL DEFAULT '2025-01-01',
        model text NOT NULL CONSTRAINT model_price_model_is_a_pattern CHECK (model <> '' AND strpos(model, '\') = 0),
        currency text NOT NULL DEFAULT 'USD' CONSTRAINT model_price_currency_is_a_code CHECK (currency ~ '^[A-Z]{3}$'),
        prompt numeric NOT NULL CONSTRAINT model_price_prompt_in_range CHECK (prompt >= 0 AND prompt < 1e9),
        cached_prompt numeric CONSTRAINT model_price_cached_prompt_in_range CHECK (cached_prompt >= 0 AND cached_prompt < 1e9),
        completion numeric NOT NULL CONSTRAINT model_price_completion_in_range CHECK (completion >= 0 AND completion < 1e9),
        source text,
        PRIMARY KEY (model, valid_from)
    );
    PERFORM voice._make_private('voice.model_price');
    ALTER TABLE voice.model_price ENABLE ROW LEVEL SECURITY;
    CREATE POLICY seen ON voice.model_price FOR SELECT USING (true);
    -- Prices are of all tenants, and their budgets go by them.
    CREATE POLICY added_by_nobody_who_is_pinned ON voice.model_price FOR INSERT WITH CHECK (voice._pinned_to() IS NULL);
    CREATE POLICY changed_by_nobody_who_is_pinned ON voice.model_price FOR UPDATE USING (voice._pinned_to() IS NULL);
    CREATE POLICY removed_by_nobody_who_is_pinned ON voice.model_price FOR DELETE USING (voice._pinned_to() IS NULL);
    -- The worker judges budgets by them.
    CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON voice.model_price
        FOR EACH STATEMENT EXECUTE FUNCTION voice._limits_changed();
    COMMENT ON TABLE voice.model_price IS 'what a million tokens of a model cost you, from a day on; a row that fits goes before voice_list_prices()';
    COMMENT ON COLUMN voice.model_price.model IS 'the model as its server names it, without the date at its end, or a LIKE pattern of such names, without a backslash; the longest that fits counts';
    COMMENT ON COLUMN voice.model_price.valid_from IS 'the first day of this price; it ends where the next one of the same model begins';
    COMMENT ON COLUMN voice.model_price.currency IS 'as ISO 4217 writes it: USD';
    COMMENT ON COLUMN voice.model_price.prompt IS 'of a million prompt tokens';
    COMMENT ON COLUMN voice.model_price.cached_prompt IS 'of a million prompt tokens that the server had in its cache; NULL: as prompt';
    COMMENT ON COLUMN voice.model_price.completion IS 'of a million completion tokens';
    COMMENT ON COLUMN voice.model_price.source IS 'where the price stands, and when it was read';
END
$$;
COMMENT ON FUNCTION voice._install_model_price() IS 'creates voice.model_price, if it is missing';
