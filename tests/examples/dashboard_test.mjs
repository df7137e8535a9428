// examples/dashboard/ in headless Chromium, over a stub of PostgREST and, where the machine has it, over PostgREST itself: right
// figures against SQL, a new call without a reload, words as text, errors said, no request to another host, no fault of axe-core.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import pg from 'pg';
import puppeteer from 'puppeteer-core';
import { postgrest } from './postgrest_stub.mjs';

const folder = process.env.DASHBOARD;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SCRIPT = '<script>document.title = "taken"</script><img src=x onerror=alert(1)>';
const KINDS = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' };

const db = new pg.Client({ host: process.env.PGHOST, user: process.env.PG_ADMIN });
await db.connect();
const one = async (sql, values) => Object.values((await db.query(sql, values)).rows[0])[0];

// As docs/report.md has it: a schema of its own, a role that reads, an authenticator that may become it.
await db.query(`
  CREATE SCHEMA api;
  CREATE FUNCTION api.voice_report_data(since timestamptz DEFAULT now() - interval '7 days', vertical text DEFAULT NULL, agent_id text DEFAULT NULL)
  RETURNS jsonb LANGUAGE sql STABLE AS 'SELECT public.voice_report_data($1, $2, $3)';
  CREATE ROLE web_user; CREATE ROLE nobody_user; CREATE ROLE authenticator LOGIN NOINHERIT;
  GRANT web_user, nobody_user TO authenticator;
  GRANT USAGE ON SCHEMA api TO web_user, nobody_user;
  REVOKE EXECUTE ON FUNCTION api.voice_report_data FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION api.voice_report_data TO web_user;
  SELECT voice_grant('web_user', 'reader')`);
await db.query('UPDATE voice.agent SET name = $1', [SCRIPT]);
await db.query("INSERT INTO voice.agent (id, name, vertical) VALUES ('otto', 'Otto', 'salon')");
const calls = async (agent, count, minutes) => db.query(
  `INSERT INTO voice.call (agent_id, started_at, ended_at, duration_ms, status, cost, cost_currency)
   SELECT $1, now() - interval '30 minutes', now() - interval '10 minutes', 60000 * $3::int, 'completed', 0.25, 'USD' FROM generate_series(1, $2::int)`,
  [agent, count, minutes]);
await calls('iris', 7, 3);
await calls('otto', 2, 5);
await db.query(`
  INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action, contact_number, entities)
  SELECT id, started_at, -0.5, 90, agent_id, 'healthcare', 'sales', 'm', 'p', 's', $1, '+15550100', jsonb_build_object('name', $1::text) FROM voice.call WHERE agent_id = 'otto' LIMIT 1
  ON CONFLICT DO NOTHING`, [SCRIPT]);

/** The page's files, and the API beside them; `api` may be changed while the page is open. */
const site = { api: undefined, asked: 0 };
const server = createServer(async (request, response) => {
  const path = new URL(request.url, 'http://x').pathname;
  let body = '';
  for await (const chunk of request) body += chunk;
  if (path.startsWith('/rpc/')) {
    site.asked += 1;
    const answer = await site.api(request.method, path.slice(5), request.headers, body);
    response.writeHead(answer.status, { 'Content-Type': 'application/json; charset=utf-8' });
    response.end(JSON.stringify(answer.body));
    return;
  }
  const name = path === '/' ? 'index.html' : path.slice(1);
  if (!/^[a-z]+\.(html|js|css)$/.test(name)) { response.writeHead(404); response.end(); return; }
  response.writeHead(200, { 'Content-Type': KINDS[name.slice(name.lastIndexOf('.'))] });
  response.end(readFileSync(`${folder}/${name}`));
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const origin = `http://127.0.0.1:${server.address().port}`;

/** PostgREST behind the same form as the stub, or undefined where there is none. */
async function real(secret) {
  try { execFileSync('postgrest', ['--version'], { stdio: 'ignore' }); } catch { return undefined; }
  const port = 20000 + (process.pid % 20000);
  const child = spawn('postgrest', [], { stdio: 'inherit', env: { ...process.env, PGRST_DB_URI: `postgresql:///app?host=${process.env.PGHOST}&user=authenticator`,
    PGRST_DB_SCHEMAS: 'api', PGRST_JWT_SECRET: secret, PGRST_SERVER_HOST: '127.0.0.1', PGRST_SERVER_PORT: String(port) } });
  const ask = async (method, name, headers, body) => {
    const passed = { 'Content-Type': 'application/json', Accept: 'application/json' };
    if (headers.authorization) passed.Authorization = headers.authorization;
    const answer = await fetch(`http://127.0.0.1:${port}/rpc/${name}`, { method, headers: passed, body });
    return { status: answer.status, body: await answer.json() };
  };
  const deadline = Date.now() + 30_000;
  for (;;) {
    try { await ask('POST', 'voice_report_data', {}, '{}'); break; } catch (error) { if (Date.now() > deadline) throw error; }
    await new Promise((later) => setTimeout(later, 100));
  }
  return { ask, stop: () => child.kill() };
}

/** A token as PostgREST takes it: HS256 over the role. */
function jwt(role, secret) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ role })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

async function tried(browser, name, api, token, stranger) {
  site.api = api;
  const faults = [];
  const page = await browser.newPage();
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('dialog', async (dialog) => { faults.push(`dialog ${dialog.message()}`); await dialog.dismiss(); });
  page.on('request', (request) => { if (!request.url().startsWith(origin) && !request.url().startsWith('data:')) faults.push(`request ${request.url()}`); });
  await page.goto(`${origin}/?every=1`, { waitUntil: 'load' });
  const says = (text) => page.waitForFunction((wanted) => document.getElementById('status').textContent.includes(wanted), { timeout: 20_000 }, text);
  const figures = () => page.evaluate(() => Object.fromEntries([...document.querySelectorAll('#cards > div')].map((card) => [card.querySelector('dt').textContent, card.querySelector('dd').textContent])));
  const until = (card, value) => page.waitForFunction((c, v) => [...document.querySelectorAll('#cards > div')].some((d) => d.querySelector('dt').textContent === c && d.querySelector('dd').textContent === v), { timeout: 20_000 }, card, value);

  // Nobody is nobody; a stranger's token is refused with the server's words; the right one shows figures.
  await page.waitForSelector('#login:not([hidden])');
  const signIn = async (value) => { await page.$eval('#login input', (input) => { input.value = ''; }); await page.type('#login input', value); await page.click('#login button'); };
  assert.deepEqual(await figures(), {});
  await signIn(stranger);
  await says('permission denied');
  // The form is there until a token is right or refused for another reason than itself.
  await page.reload({ waitUntil: 'load' });
  await page.waitForSelector('#login:not([hidden])');
  await signIn(token);
  await says('As of ');
  const count = async () => String(await one("SELECT count(*) FROM voice.call WHERE started_at >= now() - interval '8 days'"));
  const shown = await figures();
  assert.equal(shown.Calls, await count());
  assert.equal(shown.Minutes, await one("SELECT to_char(round(sum(duration_ms) / 60000.0), 'FM999,999') FROM voice.call"));
  assert.equal(shown.Completed, '100 %');
  assert.equal(shown.Sentiment, '−0.50');
  assert.equal(shown['Hot leads'], '1');
  assert.equal(shown['Cost, USD'], await one("SELECT to_char(sum(cost), 'FM999,990.00') FROM voice.call"));
  // A call comes in: the page shows it by itself.
  await calls('otto', 1, 5);
  await until('Calls', await count());
  // One agent's.
  await page.select('#choice select[name=agent]', 'otto');
  await until('Calls', String(await one("SELECT count(*) FROM voice.call WHERE agent_id = 'otto'")));
  assert.equal(await page.$$eval('#rows tr', (rows) => rows.length), 1);
  await page.select('#choice select[name=agent]', '');
  await until('Calls', await count());
  // Words are text.
  const named = await page.$$eval('#rows th bdi', (names) => names.map((n) => n.textContent));
  assert.ok(named.includes([...SCRIPT].slice(0, 59).join('') + '…'), named.join());
  assert.ok((await page.$eval('#people', (people) => people.textContent)).includes(SCRIPT));
  assert.equal(await page.title(), 'Voice agents, live');
  assert.equal(await page.$$eval('main script, main img', (found) => found.length), 0);
  await page.evaluate(`${axe}; undefined`);
  // The server fails: figures stay and the page says so; it is back: so is the page.
  site.api = async () => ({ status: 500, body: { message: 'the database is away' } });
  await says('the database is away');
  assert.equal((await figures()).Calls, await count());
  site.api = api;
  await says('As of ');
  assert.deepEqual(faults, []);
  for (const width of [360, 1280]) {
    await page.setViewport({ width, height: 900 });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), `${width} pixels`);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    assert.deepEqual(violations.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => `${v.id} ${v.nodes[0].html}`), []);
  }
  await page.close();
  console.log(`dashboard: figures, polling, access and words are right over ${name}`);
}

const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
try {
  await tried(browser, 'the stub of PostgREST', postgrest({ roles: { 'of-web-user': 'web_user', 'of-nobody': 'nobody_user' } }), 'of-web-user', 'of-nobody');
  const secret = 'a secret of at least thirty-two characters';
  const there = await real(secret);
  if (there) {
    try {
      await tried(browser, 'PostgREST', there.ask, jwt('web_user', secret), jwt('nobody_user', secret));
    } finally {
      there.stop();
    }
  } else {
    console.log('skipped: dashboard: no postgrest on the PATH: tried over the stub only');
  }
} finally {
  await browser.close();
  server.close();
  await db.end();
}
