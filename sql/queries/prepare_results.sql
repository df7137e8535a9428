-- Which results calls have, of which words.
SELECT r.call_id, r.analysis, r.version, r.transcript_hash
FROM voice.result r
WHERE r.call_id = ANY ($1::uuid[]) AND r.call_id BETWEEN $2 AND $3 AND r.transcript_hash IS NOT NULL
