-- What pg_cron is asked to do for the database $1, whose functions are in the schema $2 (quoted).
SELECT pg_catalog.format('voice_analytics %s of %s', j.name, $1::text) AS name, j.schedule, pg_catalog.format(j.command, $2::text) AS command
FROM (VALUES
    ('partitions', '5 0 * * *', 'SELECT %s.voice_create_partitions()'),
    ('roll-up', '15 * * * *', 'SELECT voice._roll_up_due()'),
    ('retention', '30 3 * * *', 'SELECT voice._apply_retention()'),
    ('backfill', '45 3 * * *', 'SELECT %s.voice_backfill(now() - interval ''7 days'')')) j(name, schedule, command)
