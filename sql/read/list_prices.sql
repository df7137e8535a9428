-- Public list prices, as of the day in source; they come with each version. Prices of standard processing of short prompts, in USD. The
-- cached prompt's of Gemini are left out: implicit caching has no counter there that says what was cached.

CREATE FUNCTION voice_list_prices(OUT model text, OUT valid_from date, OUT currency text,
    OUT prompt numeric, OUT cached_prompt numeric, OUT completion numeric, OUT source text) RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 16 SET search_path = pg_catalog, voice, pg_temp
AS $$
    SELECT p.model, date '2025-01-01', 'USD', p.prompt, p.cached_prompt, p.completion, s.vendor || ', as listed on 2026-07-21'
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
    ) p(key, model, prompt, cached_prompt, completion) USING (key)
$$;
COMMENT ON FUNCTION voice_list_prices() IS
    'public list prices of models, of a million tokens, as of the day in source; a row of voice.model_price of the same model and day goes before';
