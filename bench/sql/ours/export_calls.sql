COPY (
    SELECT load_uuid(id), "agentId", "fromNumber", "toNumber", "startedAt" AT TIME ZONE 'UTC', "endedAt" AT TIME ZONE 'UTC',
           "durationMs", status, "recordingUrl", meta
    FROM "Call" WHERE id >= current_setting('bench.first') AND id < current_setting('bench.past') ORDER BY id
) TO STDOUT
