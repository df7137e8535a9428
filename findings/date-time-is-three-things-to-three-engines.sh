#!/usr/bin/env bash
# outlines-core 0.2.14, llguidance 1.9.1, lm-format-enforcer 0.11.3: what `"format": "date-time"` lets a model write.
#
# One would guess: engines that hold a model to a JSON schema either ignore a format or enforce RFC 3339, which wants an offset.
# It is so: outlines-core takes a time without any zone, or with Z, and bars +02:00; llguidance wants Z or an offset
# and bars a time without one; lm-format-enforcer takes "soon". The one form that all take is UTC with Z.
# It matters: "I'll be there at ten" is a local time. Asked with this schema, one server's model must write +02:00 or Z, another's
# cannot write +02:00 and leaves the zone out or says Z; a timestamptz column then holds different instants for the same call.
# Of these, the missing offset is known: dottxt-ai/outlines-core#257, merged after 0.2.14.
#
# Each engine is asked whether the whole reply is possible, byte by byte; no model takes part. Fails if this changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install -q outlines-core==0.2.14 llguidance==1.9.1 lm-format-enforcer==0.11.3
"$work/venv/bin/python" - <<'PY'
import json, logging, re

logging.disable(logging.CRITICAL)  # lm-format-enforcer warns that numpy is missing, which it does not need here.
import llguidance
from lmformatenforcer import JsonSchemaParser
from outlines_core.json_schema import build_regex_from_schema

schema = {"type": "object", "properties": {"when": {"type": "string", "format": "date-time"}}, "required": ["when"],
          "additionalProperties": False}


class Bytes:
    "A vocabulary of single bytes."
    eos_token_id, bos_token_id, special_token_ids = 256, None, [256]
    tokens = [bytes([i]) for i in range(256)] + [b"<eos>"]

    def __call__(self, text):
        return list(text if isinstance(text, bytes) else text.encode())


tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(Bytes()))


def of_outlines(reply):
    return re.fullmatch(build_regex_from_schema(json.dumps(schema)), reply) is not None


def of_llguidance(reply):
    matcher = llguidance.LLMatcher(tokenizer, llguidance.LLMatcher.grammar_from_json_schema(schema))
    assert not matcher.get_error(), matcher.get_error()
    return matcher.try_consume_tokens(list(reply.encode())) == len(reply) and matcher.is_accepting()


def of_enforcer(reply):
    parser = JsonSchemaParser(schema)
    for character in reply:
        if character not in parser.get_allowed_characters():
            return False
        parser = parser.add_character(character)
    return parser.can_end()


print("reply                        outlines-core  llguidance  lm-format-enforcer")
expected = {"2026-07-29T10:00:00Z": (True, True, True), "2026-07-29T10:00:00+02:00": (False, True, True),
            "2026-07-29T10:00:00": (True, False, True), "soon": (False, False, True)}
for when, possible in expected.items():
    reply = '{"when":"%s"}' % when
    seen = of_outlines(reply), of_llguidance(reply), of_enforcer(reply)
    print(f"{when:28} {seen[0]!s:14} {seen[1]!s:11} {seen[2]}")
    assert seen == possible, f"changed: it was {possible}"
PY
