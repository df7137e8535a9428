SELECT c.id, c."fromNumber", a."leadScore", a.intent, a.entities FROM "Call" c JOIN "Analytics" a ON a."callId" = c.id WHERE c."endedAt" > :since ORDER BY a."leadScore" DESC LIMIT 20;
