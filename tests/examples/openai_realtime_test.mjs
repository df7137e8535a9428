// The real client of openai, over a WebSocket to a server here that plays a session: what examples/openai_realtime.mjs
// writes of it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { WebSocketServer } from 'ws';
import { RealtimeRecorder } from './openai_realtime.mjs';
import { analyzed, connected, theCall } from './rows.mjs';

const message = (id, role, content, status = 'completed') => ({ id, object: 'realtime.item', type: 'message', status, role, content });
const done = (item) => ({ type: 'conversation.item.done', previous_item_id: null, item });
const session = [
  { type: 'input_audio_buffer.speech_started', item_id: 'u1', audio_start_ms: 100 },
  { type: 'input_audio_buffer.speech_stopped', item_id: 'u1', audio_end_ms: 900 },
  done(message('u1', 'user', [{ type: 'input_audio', transcript: null }])),
  { type: 'response.output_audio.delta', response_id: 'r1', item_id: 'a1', output_index: 0, content_index: 0, delta: 'AAAA' },
  { type: 'response.output_audio.delta', response_id: 'r1', item_id: 'a1', output_index: 0, content_index: 0, delta: 'AAAA' },
  done(message('a1', 'assistant', [{ type: 'output_audio', transcript: 'Implants start at nineteen hundred.' }], 'incomplete')),
  // After the answer, as it comes.
  { type: 'conversation.item.input_audio_transcription.completed', item_id: 'u1', content_index: 0, transcript: 'How much are implants?' },
  { type: 'conversation.item.truncated', item_id: 'a1', content_index: 0, audio_end_ms: 1200 },
  done({ id: 'f1', object: 'realtime.item', type: 'function_call', status: 'completed', name: 'book', call_id: 'call_1', arguments: '{"day": "Tuesday"}' }),
  done({ id: 'o1', object: 'realtime.item', type: 'function_call_output', call_id: 'call_1', output: '{"booked": true}' }),
  done(message('s1', 'system', [{ type: 'input_text', text: 'You are Iris.' }])),
  done(message('a2', 'assistant', [{ type: 'output_text', text: 'You are booked.' }])),
].map((event, n) => ({ event_id: `e${n}`, ...event }));

const server = createServer({ key: readFileSync('key.pem'), cert: readFileSync('cert.pem') });
new WebSocketServer({ server }).on('connection', (socket) => {
  for (const event of session) socket.send(JSON.stringify(event));
  socket.close();
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));

const db = await connected();
const recorder = await RealtimeRecorder.start(db, { agentId: 'iris', from: '+12125550142', externalId: 'rt-1' });
const client = new OpenAI({ apiKey: 'none', baseURL: `https://127.0.0.1:${server.address().port}/v1` });
const realtime = new OpenAIRealtimeWS({ model: 'gpt-realtime', options: { rejectUnauthorized: false } }, client);
realtime.on('event', (event) => recorder.event(event));
realtime.on('error', (error) => assert.fail(error.message));
await new Promise((closed) => realtime.socket.on('close', closed));
await recorder.end('completed', 'caller hung up');
await db.end();
server.close();

const call = await theCall('rt-1');
assert.deepEqual([call.status, call.end_reason, call.from_number], ['completed', 'caller hung up', '+12125550142']);
assert.deepEqual(call.turns.map((turn) => [turn.role, turn.text, turn.interrupted]), [
  ['user', 'How much are implants?', false],
  ['assistant', 'Implants start at nineteen hundred.', true],
  ['assistant', 'You are booked.', false],
]);
assert.ok(call.turns.every((turn) => turn.ended_at >= turn.started_at), 'every turn has ended');
assert.ok(call.turns[1].e2e_latency_ms >= 0 && call.turns[0].e2e_latency_ms === null);
const [tool] = call.tool_calls;
assert.deepEqual([call.tool_calls.length, tool.name, tool.args, tool.result], [1, 'book', { day: 'Tuesday' }, { booked: true }]);
await analyzed(call.id);
console.log('openai_realtime: 3 turns and 1 tool call by the real client');
