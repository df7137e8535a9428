#!/usr/bin/env bash
# livekit-agents 1.8.9: what a tool returned stands in the chat history as Python writes it, not as JSON.
#
# One would guess: `arguments` of a function_call is a string of JSON, so `output` of its function_call_output is one too.
# It is so: the output is str(value). A dict becomes {'ready': True, 'note': None}, which no JSON parser reads; a list of
# numbers looks like JSON by chance.
# It matters: whoever stores session reports and asks for result->>'ready' finds nothing, and nothing fails.
#
# Installs the pinned package into a temporary folder; no account, no network but the package index. Fails if this changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install -q livekit-agents==1.8.9
"$work/venv/bin/python" - <<'PY'
import importlib.metadata, json
from livekit.agents.llm import ChatContext, FunctionCall
from livekit.agents.llm.utils import make_function_call_output

print("livekit-agents", importlib.metadata.version("livekit-agents"))
call = FunctionCall(call_id="c1", name="car_status", arguments=json.dumps({"plate": "X 1"}))
answer = make_function_call_output(fnc_call=call, output={"ready": True, "note": None}, exception=None).fnc_call_out
context = ChatContext([call, answer])
items = context.to_dict(exclude_timestamp=False)["items"]
print("arguments:", items[0]["arguments"])
print("output:   ", items[1]["output"])
assert json.loads(items[0]["arguments"]) == {"plate": "X 1"}
assert items[1]["output"] == "{'ready': True, 'note': None}", "changed: " + items[1]["output"]
try:
    json.loads(items[1]["output"])
except json.JSONDecodeError as e:
    print("not JSON: ", e)
else:
    raise SystemExit("changed: the output is JSON now")
PY
