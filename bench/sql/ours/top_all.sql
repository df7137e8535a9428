SELECT * FROM voice_top_leads(NULL, :since, 0, 20);
