// examples/twilio_conversation_relay.mjs over a real WebSocket, with Twilio's messages as its documentation has them; the
// TwiML that names the server by the real package.
import assert from 'node:assert/strict';
import pg from 'pg';
import twilio from 'twilio';
import { WebSocket, WebSocketServer } from 'ws';
import { relay } from './twilio_conversation_relay.mjs';
import { analyzed, theCall } from './rows.mjs';

async function* answer(words) {
  if (words === 'Never mind') return;
  yield 'Implants start ';
  yield 'at nineteen hundred dollars.';
}

const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
const over = new Promise((resolve, reject) => {
  server.on('connection', async (socket) => {
    const db = new pg.Client({ host: process.env.PGHOST });
    const ready = db.connect();
    const call = await relay(socket, db, { agentId: 'iris', greeting: 'Harbor Dental, this is Iris.', answer }).catch(reject);
    await ready.then(() => db.end());
    resolve(call);
  });
});
await new Promise((listening) => server.on('listening', listening));
const url = `ws://127.0.0.1:${server.address().port}`;

const response = new twilio.twiml.VoiceResponse();
response.connect().conversationRelay({ url: 'wss://example.com/', welcomeGreeting: 'Harbor Dental, this is Iris.' });
assert.match(response.toString(), /<Connect><ConversationRelay url="wss:\/\/example.com\/" welcomeGreeting="Harbor Dental, this is Iris."\/><\/Connect>/);

const phone = new WebSocket(url);
const heard = [];
const answered = new Promise((resolve) => {
  phone.on('message', (data) => {
    heard.push(JSON.parse(String(data)));
    if (heard.at(-1).last) resolve();
  });
});
await new Promise((open) => phone.on('open', open));
const say = (message) => phone.send(JSON.stringify(message));
say({ type: 'setup', sessionId: 'VX1', callSid: 'CA1', from: '+12125550142', to: '+13035550100', direction: 'inbound', callType: 'PSTN' });
say({ type: 'prompt', voicePrompt: 'How much', lang: 'en-US', last: false });
say({ type: 'prompt', voicePrompt: 'How much are implants?', lang: 'en-US', last: true });
await answered;
assert.deepEqual(heard.map((message) => [message.type, message.token, message.last]),
  [['text', 'Implants start ', false], ['text', 'at nineteen hundred dollars.', false], ['text', '', true]]);
say({ type: 'interrupt', utteranceUntilInterrupt: 'Implants start at', durationUntilInterruptMs: '460' });
say({ type: 'dtmf', digit: '1' });
say({ type: 'dtmf', digit: '#' });
say({ type: 'prompt', voicePrompt: 'Never mind', lang: 'en-US', last: true });
phone.close();
const id = await over;
server.close();

const call = await theCall('twilio:CA1');
assert.equal(call.id, id);
assert.deepEqual([call.status, call.from_number, call.to_number, call.direction, call.meta],
  ['completed', '+12125550142', '+13035550100', 'inbound', { twilio: { dtmf: '1#' } }]);
assert.deepEqual(call.turns.map((turn) => [turn.role, turn.text, turn.interrupted]), [
  ['assistant', 'Harbor Dental, this is Iris.', false],
  ['user', 'How much are implants?', false],
  ['assistant', 'Implants start at', true],
  ['user', 'Never mind', false],
]);
assert.ok(call.turns[2].e2e_latency_ms >= 0);
await analyzed(call.id);
console.log('twilio_conversation_relay: 4 turns over a real WebSocket');
