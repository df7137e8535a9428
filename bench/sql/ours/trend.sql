SELECT * FROM voice_sentiment_trend(:since);
