SELECT id FROM "Call" c WHERE NOT EXISTS (SELECT 1 FROM "Analytics" a WHERE a."callId" = c.id)
