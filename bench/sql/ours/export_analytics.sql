COPY (
    SELECT load_uuid("callId"), sentiment, "leadScore", intent, entities, "computedAt" AT TIME ZONE 'UTC'
    FROM "Analytics" WHERE "callId" >= current_setting('bench.first') AND "callId" < current_setting('bench.past')
    ORDER BY "callId"
) TO STDOUT
