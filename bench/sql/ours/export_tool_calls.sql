COPY (
    SELECT load_uuid("callId"), name, args, result, "errorText", "latencyMs", "invokedAt" AT TIME ZONE 'UTC'
    FROM "ToolCall" WHERE "callId" >= current_setting('bench.first') AND "callId" < current_setting('bench.past')
    ORDER BY "callId", "invokedAt"
) TO STDOUT
