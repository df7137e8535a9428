-- What models cost. A table as any other: what is changed, added or deleted in it stays so through dumps and upgrades, and the list
-- below is written once, when the table is made.

CREATE FUNCTION voice._install_model_price() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, voice, pg_temp
AS $$
BEGIN
    IF to_regclass('voice.model_price') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE TABLE voice.model_price (
        valid_from date NOT NULL DEFAULT '2025-01-01',
        model text NOT NULL CONSTRAINT model_price_model_not_empty CHECK (model <> ''),
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
    -- Prices of standard processing of short prompts, in USD. The cached prompt's of Gemini are left out: implicit caching has no
    -- counter there that says what was cached.
    INSERT INTO voice.model_price (model, prompt, cached_prompt, completion, source)
    SELECT p.model, p.prompt, p.cached_prompt, p.completion, s.vendor || ', as listed on 2026-07-21'
    FROM (VALUES
        ('openai', 'developers.openai.com/api/docs/pricing'),
        ('anthropic', 'platform.claude.com/docs/en/about-claude/pricing'),
        ('google', 'ai.google.dev/gemini-api/docs/pricing')
    ) s(key, vendor)
    JOIN (VALUES
        ('openai', 'gpt-4o', 2.50, 1.25, 10.00),
        ('openai', 'gpt-4o-mini', 0.15, 0.075, 0.60),
        ('openai', 'gpt-4.1', 2.00, 0.50, 8.00),
        ('openai', 'gpt-4.1-mini', 0.40, 0.10, 1.60),
        ('openai', 'gpt-4.1-nano', 0.10, 0.025, 0.40),
        ('openai', 'gpt-5', 1.25, 0.125, 10.00),
        ('openai', 'gpt-5-mini', 0.25, 0.025, 2.00),
        ('openai', 'gpt-5-nano', 0.05, 0.005, 0.40),
        ('openai', 'gpt-5.4', 2.50, 0.25, 15.00),
        ('openai', 'gpt-5.4-mini', 0.75, 0.075, 4.50),
        ('openai', 'gpt-5.4-nano', 0.20, 0.02, 1.25),
        ('anthropic', 'claude-haiku-4-5', 1.00, 0.10, 5.00),
        ('anthropic', 'claude-sonnet-4-5', 3.00, 0.30, 15.00),
        ('anthropic', 'claude-sonnet-4-6', 3.00, 0.30, 15.00),
        ('google', 'gemini-2.5-flash', 0.30, NULL, 2.50),
        ('google', 'gemini-2.5-flash-lite', 0.10, NULL, 0.40)
    ) p(key, model, prompt, cached_prompt, completion) USING (key);
    -- The worker judges budgets by them.
    CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON voice.model_price
        FOR EACH STATEMENT EXECUTE FUNCTION voice._limits_changed();
    COMMENT ON TABLE voice.model_price IS 'what a million tokens of a model cost, from a day on: yours to change';
    COMMENT ON COLUMN voice.model_price.model IS 'the model as its server names it, without the date at its end, or a LIKE pattern of such names; the longest that fits counts';
    COMMENT ON COLUMN voice.model_price.valid_from IS 'the first day of this price; it ends where the next one of the same model begins';
    COMMENT ON COLUMN voice.model_price.currency IS 'as ISO 4217 writes it: USD';
    COMMENT ON COLUMN voice.model_price.prompt IS 'of a million prompt tokens';
    COMMENT ON COLUMN voice.model_price.cached_prompt IS 'of a million prompt tokens that the server had in its cache; NULL: as prompt';
    COMMENT ON COLUMN voice.model_price.completion IS 'of a million completion tokens';
    COMMENT ON COLUMN voice.model_price.source IS 'where the price stands, and when it was read';
END
$$;
COMMENT ON FUNCTION voice._install_model_price() IS 'creates voice.model_price with public list prices, if it is missing';
