-- The design that voice_analytics replaces: what `prisma migrate dev` writes for a schema of agents, calls, turns, tool
-- calls and analytics. Keys and indexes follow in indexes.sql, so that the load is quick.
CREATE TYPE "CallStatus" AS ENUM ('in_progress', 'completed', 'failed', 'transferred');
CREATE TABLE "Agent" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "vertical" TEXT NOT NULL,
    "promptHash" TEXT NOT NULL,
    "voice" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE "Call" (
    "id" TEXT NOT NULL,
    "agentId" TEXT NOT NULL,
    "fromNumber" TEXT NOT NULL,
    "toNumber" TEXT NOT NULL,
    "startedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "endedAt" TIMESTAMP(3),
    "durationMs" INTEGER,
    "status" "CallStatus" NOT NULL DEFAULT 'in_progress',
    "recordingUrl" TEXT,
    "meta" JSONB
);
CREATE TABLE "Turn" (
    "id" TEXT NOT NULL,
    "callId" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "startedAt" TIMESTAMP(3) NOT NULL,
    "endedAt" TIMESTAMP(3) NOT NULL,
    "audioUrl" TEXT
);
CREATE TABLE "ToolCall" (
    "id" TEXT NOT NULL,
    "callId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "args" JSONB NOT NULL,
    "result" JSONB,
    "errorText" TEXT,
    "latencyMs" INTEGER NOT NULL,
    "invokedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE "Analytics" (
    "callId" TEXT NOT NULL,
    "sentiment" DOUBLE PRECISION NOT NULL,
    "leadScore" INTEGER NOT NULL,
    "intent" TEXT NOT NULL,
    "entities" JSONB NOT NULL,
    "computedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
