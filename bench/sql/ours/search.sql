SELECT * FROM voice_search(:word, max_rows => 50);
