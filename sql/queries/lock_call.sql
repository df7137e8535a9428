-- The tables before the jobs, as everybody who deletes calls takes them: otherwise somebody who locks voice.call and then
-- reaches for its jobs, while we hold jobs and reach for voice.call, would be a deadlock.
LOCK TABLE ONLY voice.call IN ACCESS SHARE MODE
