-- One worker a database: whatever another epoch holds, nobody is working on; nor on what should long be done.
UPDATE voice.job SET lease = NULL, leased_until = NULL
WHERE lease IS NOT NULL AND (lease <> $1 OR leased_until < pg_catalog.now())
RETURNING id
