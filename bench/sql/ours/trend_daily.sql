SELECT day, agent_id, analyzed, avg_sentiment, avg_lead_score FROM voice.daily WHERE day >= :since AND analyzed > 0 ORDER BY 1, 2;
