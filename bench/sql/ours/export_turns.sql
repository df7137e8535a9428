-- In spoken order, so that the sequence of their ids is too.
COPY (
    SELECT load_uuid("callId"), role, text, "startedAt" AT TIME ZONE 'UTC', "endedAt" AT TIME ZONE 'UTC', "audioUrl"
    FROM "Turn" WHERE "callId" >= current_setting('bench.first') AND "callId" < current_setting('bench.past')
    ORDER BY "callId", "startedAt"
) TO STDOUT
