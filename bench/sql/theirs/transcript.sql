SELECT role, text FROM "Turn" WHERE "callId" = $1 ORDER BY "startedAt"
