// What examples/dashboard/ needs of PostgREST, for tests: POST /rpc/NAME with a JSON object calls api.NAME by named parameters, in a
// transaction, as the role of the token, or the anonymous one; answers and errors have PostgREST's form. Tokens are names here;
// PostgREST's are signed (JWT).
import pg from 'pg';

/**
 * @param {{ roles: Record<string, string>, anonymous?: string }} access  the role of each token
 * @returns {(method: string, name: string, headers: Record<string, string>, body: string) => Promise<{ status: number, body: unknown }>}
 */
export function postgrest({ roles, anonymous }) {
  return async (method, name, headers, body) => {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
    const role = token === undefined ? anonymous : roles[token];
    if (role === undefined) return { status: 401, body: { code: 'PGRST301', message: 'JWT is missing or not valid', details: null, hint: null } };
    if (method !== 'POST') return { status: 405, body: { code: 'PGRST101', message: 'use POST', details: null, hint: null } };
    const db = new pg.Client({ host: process.env.PGHOST, user: 'authenticator' });
    await db.connect();
    try {
      const parameters = Object.entries(JSON.parse(body || '{}'));
      await db.query('BEGIN');
      await db.query(`SET LOCAL ROLE ${pg.escapeIdentifier(role)}`);
      const named = parameters.map(([key], place) => `${pg.escapeIdentifier(key)} => $${place + 1}`).join(', ');
      const { rows } = await db.query(`SELECT api.${pg.escapeIdentifier(name)}(${named}) AS answer`, parameters.map(([, value]) => value));
      await db.query('COMMIT');
      return { status: 200, body: rows[0].answer };
    } catch (error) {
      const status = { 42501: 403, 42883: 404 }[error.code] ?? 400;
      return { status, body: { code: error.code, message: error.message, details: error.detail ?? null, hint: error.hint ?? null } };
    } finally {
      await db.end();
    }
  };
}
