#!/usr/bin/env bash
# @elevenlabs/elevenlabs-js 2.73.0 (npm): a conversation as its client returns it is not the API's document.
#
# One would guess: JSON.stringify(await client.conversationalAi.conversations.get(id)) is what the webhook would have carried.
# It is so: every field that this version knows is renamed (`conversation_id` becomes `conversationId`, `time_in_call_secs`
# `timeInCallSecs`), every one that it does not know keeps its name, and a null is left out. One turn has both spellings:
# `timeInCallSecs` beside `created_at_unix_ms`, which the Python SDK 2.78.0 knows. Dynamic variables keep theirs.
# It matters: what is stored of it is read by nothing that reads the webhook, and a field changes its name in the archive on
# the day when the SDK is updated and learns it. Store the body of the response.
#
# The answer of the API is made here; no account and no request. Fails if this changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @elevenlabs/elevenlabs-js@2.73.0 > /dev/null
cat > conversation.js <<'J'
const assert = require("assert");
const { ElevenLabsClient } = require("@elevenlabs/elevenlabs-js");

const body = {
  agent_id: "agent_1", conversation_id: "conv_1", status: "done", has_audio: true, has_user_audio: true, has_response_audio: true,
  has_auxiliary_audio: false,   metadata: { start_time_unix_secs: 1785312000, call_duration_secs: 9 },
  transcript: [{ role: "agent", message: null, time_in_call_secs: 0, created_at_unix_ms: 1785312000412, tool_calls: [], tool_results: [] }],
  conversation_initiation_client_data: { dynamic_variables: { car_plate: "X 1" } },
};
globalThis.fetch = async () => new Response(JSON.stringify(body), { headers: { "content-type": "application/json" } });
new ElevenLabsClient({ apiKey: "none" }).conversationalAi.conversations.get("conv_1").then((conversation) => {
  const stored = JSON.parse(JSON.stringify(conversation));
  const [turn] = stored.transcript;
  console.log("sent:  ", Object.keys(body).join(" "));
  console.log("stored:", Object.keys(stored).join(" "));
  console.log("sent turn:  ", Object.keys(body.transcript[0]).join(" "));
  console.log("stored turn:", Object.keys(turn).join(" "));
  console.log("variables:  ", JSON.stringify(stored.conversationInitiationClientData.dynamicVariables));
  assert.ok(!("conversation_id" in stored) && stored.conversationId === "conv_1", "changed");
  assert.ok("timeInCallSecs" in turn && "created_at_unix_ms" in turn && !("message" in turn), "changed");
  assert.deepStrictEqual(stored.conversationInitiationClientData.dynamicVariables, { car_plate: "X 1" }, "changed");
});
J
node conversation.js
