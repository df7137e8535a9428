-- A copy keeps quiet: the data (_state) must remember this very installation (_instance) in this very database.
SELECT s.instance = i.id AND i.database = d.oid, s.paused_at IS NOT NULL, s.pause_reason
FROM voice._instance i
JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
LEFT JOIN voice._state s ON true
