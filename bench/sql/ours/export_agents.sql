COPY (
    SELECT id, name, vertical, "promptHash", voice, "createdAt" AT TIME ZONE 'UTC' FROM "Agent" ORDER BY id
) TO STDOUT
