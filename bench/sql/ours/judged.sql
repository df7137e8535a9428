-- What the other design knows of a call's analysis, on its way into voice.analytics.
CREATE TEMP TABLE judged (
    call_id uuid, sentiment double precision, lead_score int, intent text, entities jsonb, computed_at timestamptz
) ON COMMIT DELETE ROWS
