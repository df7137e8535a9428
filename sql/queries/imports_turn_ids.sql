-- So many ids of turns: known before the turns are written, for the tool calls that belong to them.
SELECT pg_catalog.nextval('voice.turn_id_seq') FROM pg_catalog.generate_series(1, $1)
