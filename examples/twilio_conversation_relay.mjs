// @ts-check
/**
 * A Twilio ConversationRelay call in voice_analytics as it happens: turns, interruptions, latencies, keys, the end.
 *
 *     new WebSocketServer({ port: 8080 }).on('connection', (socket) => relay(socket, db, { agentId: 'iris', answer }));
 *
 * Twilio speaks what `answer` gives and tells what the caller said, without times: those of arrival are taken. Of an answer
 * that the caller interrupted, the words are those that were heard. A statement that fails is logged, and the call goes on.
 * ws 8, pg 8: docs/integrations/twilio.md
 *
 * @typedef {{ id: string | null, text: string, start: Date, interrupted: boolean, latencyMs: number }} Spoken
 * @param {import('ws').WebSocket} socket
 * @param {import('pg').ClientBase} db the call's own
 * @param {{ agentId: string, greeting?: string, answer: (words: string) => AsyncIterable<string> }} agent
 *   the greeting is the welcomeGreeting of the TwiML
 * @returns {Promise<string | null>} once the call is over and written: its id
 */
export function relay(socket, db, { agentId, greeting, answer }) {
  /** @type {string | null} */ let call = null;
  /** @type {Promise<unknown>} */ let written = Promise.resolve();
  /** @type {Spoken | null} */ let speaking = null;
  /** @type {string | null} */ let failure = null;
  /** @type {string[]} */ const keys = [];

  /** One after the other. @param {string} sql @param {() => unknown[]} values @param {(row: any) => void} [then] */
  const write = (sql, values, then) => {
    written = written
      .then(() => db.query(sql, values()))
      .then(({ rows }) => then?.(rows[0]), (error) => console.error(`a statement of call ${call} failed`, error));
  };
  /** @param {string} role @param {string} text @param {Date} start @param {(row: any) => void} [then] */
  const say = (role, text, start, then) =>
    write('SELECT voice_add_turn($1, $2, $3, started_at => $4, ended_at => $5) AS id', () => [call, role, text, start, text ? new Date() : null], then);
  /** @param {Spoken} turn */
  const finish = (turn) =>
    write('SELECT voice_finish_turn($1, $2, $3, interrupted => $4, e2e_latency_ms => $5)',
      () => [call, turn.id, turn.text, turn.interrupted, turn.latencyMs]);

  /** @param {string} words */
  async function reply(words) {
    const asked = Date.now();
    /** @type {Spoken | null} */ let turn = null;
    for await (const token of answer(words)) {
      if (turn?.interrupted) return;
      if (!turn) {
        const spoken = (turn = speaking = { id: null, text: '', start: new Date(), interrupted: false, latencyMs: Date.now() - asked });
        say('assistant', '', turn.start, (row) => (spoken.id = row.id));
      }
      turn.text += token;
      socket.send(JSON.stringify({ type: 'text', token, last: false }));
    }
    if (!turn || turn.interrupted) return;
    socket.send(JSON.stringify({ type: 'text', token: '', last: true }));
    finish(turn);
  }

  /** @param {any} message */
  function take(message) {
    const now = new Date();
    if (message.type === 'setup') {
      write('SELECT voice_start_call($1, $2, $3, external_id => $4, direction => $5) AS id',
        () => [agentId, message.from, message.to, `twilio:${message.callSid}`, message.direction?.startsWith('outbound') ? 'outbound' : 'inbound'],
        (row) => (call = row.id));
      if (greeting) say('assistant', greeting, now);
    } else if (message.type === 'prompt' && message.last !== false) {
      say('user', message.voicePrompt, now);
      reply(message.voicePrompt).catch((error) => console.error('no answer', error));
    } else if (message.type === 'interrupt' && speaking) {
      // What was heard; an interruption before the first word of it has none.
      speaking.text = message.utteranceUntilInterrupt ?? '';
      speaking.interrupted = true;
      finish(speaking);
      speaking = null;
    } else if (message.type === 'dtmf') keys.push(message.digit);
    else if (message.type === 'error') failure = message.description;
  }

  socket.on('message', (data) => take(JSON.parse(String(data))));
  return new Promise((resolve) => {
    socket.on('close', () => {
      if (keys.length) write('UPDATE voice.call SET meta = $2 WHERE id = $1', () => [call, { twilio: { dtmf: keys.join('') } }]);
      write('SELECT voice_end_call($1, $2, end_reason => $3)', () => [call, failure ? 'failed' : 'completed', failure]);
      written.then(() => resolve(call));
    });
  });
}
