COPY judged (call_id, sentiment, lead_score, intent, entities, computed_at) FROM STDIN
