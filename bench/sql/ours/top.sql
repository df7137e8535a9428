SELECT * FROM voice_top_leads(:v, :since, :min);
