-- Calls that were judged in the end, or cannot be: nothing is left of the looks at them.
WITH looks AS (
    DELETE FROM voice.job j WHERE j.call_id = ANY ($1) AND j.kind = 'live'
)
DELETE FROM voice.live l WHERE l.call_id = ANY ($1)
