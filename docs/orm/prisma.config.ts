// Prisma 7: what its CLI needs beside schema.prisma. Every table of the schema voice is named, for `db push` and `migrate`
// plan to drop the ones that they see and no model names. A test holds the list to the tables of the database.
import { defineConfig, env } from "prisma/config";

export default defineConfig({
  schema: "schema.prisma",
  datasource: { url: env("DATABASE_URL") },
  experimental: { externalTables: true },
  tables: {
    external: [
      "voice._instance",
      "voice._pin",
      "voice._receive_secret",
      "voice._rolled_day",
      "voice._rolled_month",
      "voice._state",
      "voice._webhook_secret",
      "voice.agent",
      "voice.analysis",
      "voice.analytics",
      "voice.attempt",
      "voice.call",
      "voice.daily",
      "voice.daily_result",
      "voice.dead_job",
      "voice.erasure",
      "voice.job",
      "voice.label",
      "voice.label_sample",
      "voice.label_task",
      "voice.live",
      "voice.result",
      "voice.search_document",
      "voice.tenant_limit",
      "voice.tool_call",
      "voice.transcript_chunk",
      "voice.trial",
      "voice.trial_result",
      "voice.turn",
      "voice.webhook",
    ],
  },
});
