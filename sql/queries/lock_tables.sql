-- The tables before the jobs, as everybody who deletes calls takes them: otherwise somebody who locks voice.call and then
-- reaches for its jobs, while we hold jobs and reach for voice.call, would be a deadlock. And all that a turn's words are
-- read from, in the order in which maintenance locks them (voice._lock_partitioned_tables).
LOCK TABLE ONLY voice.transcript_chunk, ONLY voice.turn, ONLY voice.call IN ACCESS SHARE MODE
