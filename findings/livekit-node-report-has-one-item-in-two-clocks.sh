#!/usr/bin/env bash
# @livekit/agents 1.9.0 (Node): one item stands twice in a session report, once in milliseconds and once in seconds.
#
# One would guess: `created_at` is one thing throughout a document, and the package's other form of the same items has it too.
# It is so: under events[] an item's `created_at` is ms since 1970, under chat_history.items[] the same item has s; the report's
# own `timestamp` is ms, speech times within both are s. ChatContext.toJSON() writes the same items with `createdAt` in ms and
# other names: `args` and `callId` where the report has `arguments` and `call_id`.
# It matters: whoever joins events to turns by time, or takes the unit from the first number seen, is off by a factor of 1000;
# nothing in the document names a unit. An importer has to tell by the size of each number.
#
# Installs the pinned package into a temporary folder; no account. Fails if this changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @livekit/agents@1.9.0 > /dev/null
cat > report.mjs <<'J'
import { llm, voice } from "@livekit/agents";
import assert from "node:assert";

const said = 1785312000000; // 2026-07-29T08:00:00Z in ms, as the package's own Date.now() gives it
const history = llm.ChatContext.empty();
const item = history.addMessage({ role: "user", content: "Is my car ready?", createdAt: said });
history.insert(llm.FunctionCall.create({ callId: "c1", name: "car_status", args: '{"plate":"X 1"}', createdAt: said + 1000 }));
const report = voice.sessionReportToJSON(voice.createSessionReport({
  jobId: "j1", roomId: "r1", room: "room", options: {}, chatHistory: history, startedAt: said, timestamp: said + 9000,
  events: [{ type: "conversation_item_added", item, createdAt: said }],
}));
const [event] = report.events;
const [message, call] = report.chat_history.items;
console.log("report.timestamp                     ", report.timestamp);
console.log("report.events[0].item.created_at      ", event.item.created_at, event.item.id === message.id ? "(the same item)" : "");
console.log("report.chat_history.items[0].created_at", message.created_at);
assert.equal(event.item.id, message.id);
assert.equal(report.timestamp, said + 9000, "changed");
assert.equal(event.item.created_at, said, "changed");
assert.equal(message.created_at, said / 1000, "changed");

const context = history.toJSON({ excludeTimestamp: false }).items;
console.log("report.chat_history.items[1]: ", Object.keys(call).join(" "));
console.log("ChatContext.toJSON().items[1]:", Object.keys(context[1]).join(" "));
assert.equal(context[0].createdAt, said, "changed");
assert.ok("arguments" in call && "call_id" in call && "args" in context[1] && "callId" in context[1], "changed");
process.exit(0);
J
node report.mjs
