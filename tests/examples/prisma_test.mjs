// Prisma's own client: docs/orm/schema.prisma, and the application's code of before on the views of docs/orm/prisma.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from '@prisma/client';
import before from './before/index.js';

const psql = (...args) =>
  execFileSync(`${process.env.PG_BIN}/psql`, ['-X', '-q', '-v', 'ON_ERROR_STOP=1', ...args], { env: { ...process.env, PGUSER: 'postgres' }, encoding: 'utf8' });
const later = () => new Promise((done) => setTimeout(done, 100));
async function judged(find) {
  for (const end = Date.now() + 30_000; Date.now() < end; await later()) {
    const found = await find();
    if (found) return found;
  }
  assert.fail('the call was not analyzed');
}

// A server far from UTC: the adapter needs a session in UTC.
psql('-c', "ALTER ROLE web SET timezone = 'America/New_York'");
const where = { host: process.env.PGHOST, port: Number(process.env.PGPORT), user: 'web', database: process.env.PGDATABASE };
const db = new PrismaClient({ adapter: new PrismaPg({ ...where, options: '-c TimeZone=UTC' }) });
const call = await db.call.create({
  data: {
    agentId: 'iris', fromNumber: '+12125550142', toNumber: '+12125550100', meta: { sid: 'CA1' },
    turns: { create: [{ role: 'assistant', text: 'Hello' }, { role: 'user', text: 'A cut on Tuesday' }] },
    toolCalls: { create: [{ name: 'book', args: { at: [1] }, result: [] }] },
  },
  include: { turns: true },
});
assert.match(call.id, /^[0-9a-f-]{14}7/);
const age = async () => Number(psql('-At', '-c', 'SELECT round(extract(epoch FROM now() - max(started_at))) FROM voice.call').trim());
assert.ok(Math.abs(await age()) < 60, 'the start is now');
const [{ seq }] = await db.$queryRaw`SELECT voice_add_chunk(${call.id}::uuid, ${call.turns[0].id}, 1, 'Hel', true) AS seq`;
assert.equal(seq, 1);
await db.call.update({ where: { id: call.id }, data: { status: 'completed' } });
const read = await judged(async () => {
  const found = await db.call.findUnique({
    where: { id: call.id },
    include: { turns: { orderBy: [{ startedAt: 'asc' }, { id: 'asc' }], include: { chunks: true } }, toolCalls: true, analytics: true },
  });
  return found.analytics && found;
});
assert.deepEqual(read.turns.map((turn) => [turn.role, turn.text]), [['assistant', 'Hello'], ['user', 'A cut on Tuesday']]);
assert.deepEqual([read.turns[0].chunks[0].text, read.toolCalls[0].result, read.meta], ['Hel', [], { sid: 'CA1' }]);
assert.ok(read.endedAt && read.durationMs !== null && read.analytics.leadScore >= 0);
await assert.rejects(db.call.update({ where: { id: call.id }, data: { status: 'in_progress', endedAt: null } }), (error) => {
  assert.notEqual(error.code, 'P2003', 'no foreign key');
  assert.match(JSON.stringify(error.meta), /23514/);
  return true;
});
await db.$disconnect();
psql('-c', "SELECT voice_grant('web', 'operator')");
const operator = new PrismaClient({ adapter: new PrismaPg({ ...where, options: '-c TimeZone=UTC' }) });
const [status] = await operator.$queryRaw`SELECT * FROM voice_status()`;
assert.equal(status.state, 'idle');
await operator.$queryRaw`SELECT voice_pause('tried')`;
const [{ voice_resume: waited }] = await operator.$queryRaw`SELECT voice_resume()`;
assert.equal(waited, true);
await operator.$disconnect();

// The move, and the code of before.
psql('-c', `CREATE TYPE "CallStatus" AS ENUM ('in_progress', 'completed', 'failed', 'transferred');
  CREATE TABLE "Agent" (id TEXT PRIMARY KEY, name TEXT NOT NULL, vertical TEXT NOT NULL, "promptHash" TEXT NOT NULL, voice TEXT NOT NULL, "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
  CREATE TABLE "Call" (id TEXT PRIMARY KEY, "agentId" TEXT NOT NULL, "fromNumber" TEXT NOT NULL, "toNumber" TEXT NOT NULL, "startedAt" TIMESTAMP(3) NOT NULL, "endedAt" TIMESTAMP(3), "durationMs" INTEGER, status "CallStatus" NOT NULL, "recordingUrl" TEXT, meta JSONB);
  CREATE TABLE "Turn" (id TEXT PRIMARY KEY, "callId" TEXT NOT NULL, role TEXT NOT NULL, text TEXT NOT NULL, "startedAt" TIMESTAMP(3) NOT NULL, "endedAt" TIMESTAMP(3) NOT NULL, "audioUrl" TEXT);
  CREATE TABLE "ToolCall" (id TEXT PRIMARY KEY, "callId" TEXT NOT NULL, name TEXT NOT NULL, args JSONB NOT NULL, result JSONB, "errorText" TEXT, "latencyMs" INTEGER NOT NULL, "invokedAt" TIMESTAMP(3) NOT NULL);
  CREATE TABLE "Analytics" ("callId" TEXT PRIMARY KEY, sentiment DOUBLE PRECISION NOT NULL, "leadScore" INTEGER NOT NULL, intent TEXT NOT NULL, entities JSONB NOT NULL, "computedAt" TIMESTAMP(3) NOT NULL);
  INSERT INTO "Agent" VALUES ('rosa', 'Rosa', 'salon', 'h', 'alloy');
  INSERT INTO "Call" SELECT 'c' || n, 'rosa', '+1212555' || n, '+1', now() AT TIME ZONE 'UTC' - n * interval '1 hour', now() AT TIME ZONE 'UTC' - n * interval '1 hour' + interval '1 minute', 60000, 'completed' FROM generate_series(1, 9) n;
  INSERT INTO "Turn" SELECT 't' || id, id, 'user', 'hello', "startedAt", "startedAt" FROM "Call";
  INSERT INTO "Analytics" SELECT id, 0.5, 10 * substr(id, 2)::int, 'sales', '{"name": "Dana"}', "endedAt" FROM "Call"`);
const scripts = process.env.SCRIPTS;
psql('-f', `${scripts}/migrate.sql`);
psql('-v', 'app=web', '-f', `${scripts}/views.sql`);
const old = new before.PrismaClient({ adapter: new PrismaPg({ ...where, options: '-c TimeZone=UTC' }) });
const leads = await old.call.findMany({
  where: { agent: { vertical: 'salon' }, startedAt: { gte: new Date(Date.now() - 86_400_000) }, analytics: { leadScore: { gte: 70 } } },
  orderBy: { analytics: { leadScore: 'desc' } }, take: 50, include: { analytics: true },
});
assert.deepEqual(leads.map((lead) => lead.analytics.leadScore), [90, 80, 70]);
assert.equal(typeof leads[0].id, 'string');
const fresh = await old.call.create({ data: { agentId: 'rosa', fromNumber: '+12125550143', toNumber: '+1', meta: { sid: 'CA2' } } });
const now = new Date();
const turn = await old.turn.create({ data: { callId: fresh.id, role: 'user', text: 'ten of them', startedAt: now, endedAt: now } });
assert.equal(typeof turn.id, 'string');
await old.toolCall.create({ data: { callId: fresh.id, name: 'book', args: { at: 1 }, latencyMs: 12 } });
await old.call.update({ where: { id: fresh.id }, data: { status: 'completed', endedAt: new Date(), durationMs: 1000 } });
const score = await judged(() => old.analytics.findUnique({ where: { callId: fresh.id } }));
assert.ok(score.leadScore >= 0 && score.leadScore <= 100);
const [{ count }] = await old.$queryRaw`SELECT count(*) FROM "Call" c JOIN "Analytics" a ON a."callId" = c.id WHERE c."endedAt" > now() - interval '24 hours'`;
assert.equal(Number(count), 11);
await assert.rejects(old.analytics.create({ data: { callId: fresh.id, sentiment: 0, leadScore: 0, intent: 'none', entities: {} } }));
await old.$disconnect();
console.log('prisma: the shipped schema, and the code of before on the views');
