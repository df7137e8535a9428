SELECT c."agentId", date_trunc('day', c."endedAt") d, AVG(a.sentiment) avg_sent FROM "Call" c JOIN "Analytics" a ON a."callId" = c.id WHERE c."endedAt" > :since GROUP BY 1, 2 ORDER BY 1, 2;
