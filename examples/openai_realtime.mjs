// @ts-check
/**
 * An OpenAI Realtime session in voice_analytics as it happens: turns, interruptions, latencies, tool calls, the end.
 *
 *     const recorder = await RealtimeRecorder.start(db, { agentId: 'iris', from, to, externalId });
 *     realtime.on('event', (event) => recorder.event(event));
 *     realtime.socket.on('close', () => recorder.end());
 *
 * Events carry no times: those of their arrival are taken. A turn is opened when it begins and gets its words when they
 * come, which is later than the answer for what the caller said. A statement that fails is logged, and the call goes on.
 * openai 7, pg 8: docs/integrations/openai_realtime.md
 *
 * @typedef {import('openai/resources/realtime/realtime').RealtimeServerEvent} ServerEvent
 * @typedef {{ role: string, start: Date, end: Date | null, text: string, id: string | null, interrupted: boolean, latencyMs: number | null }} Turn
 */
export class RealtimeRecorder {
  /** @type {Map<string, Turn>} */ turns = new Map();
  /** @type {Map<string, { name: string, args: string, at: Date }>} by call id */ tools = new Map();
  /** @type {Promise<unknown>} */ written = Promise.resolve();
  /** @type {Date | null} */ heard = null;

  /** @param {import('pg').ClientBase} db the recorder's own  @param {string} callId */
  constructor(db, callId) { this.db = db; this.callId = callId; }

  /**
   * @param {import('pg').ClientBase} db
   * @param {{ agentId: string, from?: string, to?: string, externalId?: string, direction?: string }} call
   */
  static async start(db, { agentId, from, to, externalId, direction = 'inbound' }) {
    const sql = 'SELECT voice_start_call($1, $2, $3, external_id => $4, direction => $5) AS id';
    const { rows } = await db.query(sql, [agentId, from, to, externalId, direction]);
    return new RealtimeRecorder(db, rows[0].id);
  }

  /** @param {ServerEvent} event */
  event(event) {
    const now = new Date();
    if (event.type === 'input_audio_buffer.speech_started') this.open(event.item_id, 'user', now);
    else if (event.type === 'input_audio_buffer.speech_stopped') {
      this.heard = now;
      this.close(event.item_id, { end: now });
    } else if (event.type === 'conversation.item.input_audio_transcription.completed') this.close(event.item_id, { text: event.transcript });
    else if (event.type === 'response.output_audio.delta' && !this.turns.has(event.item_id)) {
      this.open(event.item_id, 'assistant', now).latencyMs = this.heard && now.getTime() - this.heard.getTime();
      this.heard = null;
    } else if (event.type === 'conversation.item.truncated') this.close(event.item_id, { interrupted: true, end: now });
    else if (event.type === 'conversation.item.done') this.item(event.item, now);
  }

  /** @param {import('openai/resources/realtime/realtime').ConversationItem} item  @param {Date} now */
  item(item, now) {
    if (item.type === 'message' && item.id && (item.role === 'user' || item.role === 'assistant')) {
      const words = item.content.map((part) => ('transcript' in part && part.transcript) || ('text' in part && part.text) || '');
      if (!this.turns.has(item.id)) this.open(item.id, item.role, now);
      this.close(item.id, { text: words.join(''), end: this.turns.get(item.id)?.end ?? now });
    } else if (item.type === 'function_call' && item.call_id) this.tools.set(item.call_id, { name: item.name, args: item.arguments, at: now });
    else if (item.type === 'function_call_output') {
      const call = this.tools.get(item.call_id);
      if (!call) return;
      const sql = 'SELECT voice_add_tool_call($1, $2, $3, result => $4, latency_ms => $5, invoked_at => $6)';
      this.write(sql, [this.callId, call.name, json(call.args), json(item.output), now.getTime() - call.at.getTime(), call.at]);
    }
  }

  /** @param {string} item  @param {string} role  @param {Date} start */
  open(item, role, start) {
    /** @type {Turn} */ const turn = { role, start, end: null, text: '', id: null, interrupted: false, latencyMs: null };
    this.turns.set(item, turn);
    this.write("SELECT voice_add_turn($1, $2, '', started_at => $3) AS id", [this.callId, role, start], (row) => (turn.id = row.id));
    return turn;
  }

  /** @param {string} item  @param {Partial<Turn>} more */
  close(item, more) {
    const turn = this.turns.get(item);
    if (!turn) return;
    Object.assign(turn, more, { text: more.text || turn.text });
    const sql = 'SELECT voice_finish_turn($1, $2, $3, ended_at => $4, interrupted => $5, e2e_latency_ms => $6)';
    if (turn.text) this.write(sql, () => [this.callId, turn.id, turn.text, turn.end, turn.interrupted, turn.latencyMs]);
  }

  /** @param {string} status  @param {string} [reason] */
  end(status = 'completed', reason) {
    this.write('SELECT voice_end_call($1, $2, end_reason => $3)', [this.callId, status, reason]);
    return this.written;
  }

  /** One after the other.  @param {string} sql  @param {unknown[] | (() => unknown[])} values  @param {(row: any) => void} [then] */
  write(sql, values, then) {
    this.written = this.written
      .then(() => this.db.query(sql, typeof values === 'function' ? values() : values))
      .then(({ rows }) => then?.(rows[0]), (error) => console.error(`a statement of call ${this.callId} failed`, error));
  }
}

/** A string that is JSON as it is, any other as a string of JSON.  @param {string} text */
function json(text) {
  try { return JSON.stringify(JSON.parse(text)); } catch { return JSON.stringify(text); }
}
