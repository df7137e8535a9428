// What stands in the database, for the tests of examples/.
import pg from 'pg';

export async function connected() {
  const db = new pg.Client({ host: process.env.PGHOST });
  await db.connect();
  return db;
}

async function rows(sql, values) {
  const db = await connected();
  try {
    return (await db.query(sql, values)).rows;
  } finally {
    await db.end();
  }
}

export async function theCall(externalId) {
  const [call] = await rows('SELECT * FROM voice.call WHERE external_id = $1', [externalId]);
  call.turns = await rows('SELECT * FROM voice.turn WHERE call_id = $1 ORDER BY started_at, id', [call.id]);
  call.tool_calls = await rows('SELECT * FROM voice.tool_call WHERE call_id = $1 ORDER BY invoked_at, id', [call.id]);
  return call;
}

/** Waits until the worker has judged the call. */
export async function analyzed(call) {
  const deadline = Date.now() + 30_000;
  while (!(await rows('SELECT FROM voice.analytics WHERE call_id = $1', [call])).length) {
    if (Date.now() > deadline) throw new Error(`call ${call} was not analyzed`);
    await new Promise((later) => setTimeout(later, 100));
  }
}
