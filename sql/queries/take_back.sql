-- One worker a database: whatever another epoch holds, nobody is working on.
UPDATE voice.job SET lease = NULL, leased_until = NULL WHERE lease IS NOT NULL AND lease <> $1 RETURNING id
