#!/usr/bin/env bash
# vcon 0.10.0 (PyPI): is_valid() says no to vCons that draft-ietf-vcon-vcon-core allows.
#
# One would guess: what the package calls invalid breaks the draft; its classes write "0.4.0", the version of the draft.
# It is so: `parties` of a dialog as one number (the draft: UnsignedInt, or an array of them), a media type with a parameter
# ("text/plain; charset=utf-8"), audio/flac, a dialog of type recording-set and an analysis kept at a URL are all refused;
# only `created_at` is rewritten ("Z" becomes "+00:00").
# It matters: an importer that checks with the package first throws away good files, and an exporter that wants to pass it
# must write arrays of parties, bare media types, and analyses with a body.
#
# Needs Python 3.12. Installs the pinned package into a temporary folder. Fails if this changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3.12}
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install -q vcon==0.10.0
"$work/venv/bin/python" -W ignore - <<'PY'
import importlib.metadata, json, logging
from vcon import Vcon

logging.disable(logging.CRITICAL)
print("vcon", importlib.metadata.version("vcon"))
start = "2026-07-29T08:00:00Z"
text = {"type": "text", "start": start, "parties": [0], "mediatype": "text/plain", "body": "Hello.", "encoding": "none"}
recording = {"type": "recording", "start": start, "parties": [0], "mediatype": "audio/x-wav", "url": "https://example.com/a"}


def said(**fields):
    vcon = {"uuid": "019f0000-0000-8000-8000-000000000001", "created_at": start, "parties": [{"name": "Rosa", "type": "bot"}]}
    return Vcon.build_from_json(json.dumps({**vcon, **fields})).is_valid()


assert said(dialog=[text]) == (True, [])
for what, fields, reason in [
    ("parties is a number", {"dialog": [{**text, "parties": 0}]}, "must be a list"),
    ("a parameter", {"dialog": [{**text, "mediatype": "text/plain; charset=utf-8"}]}, "mediatype"),
    ("audio/flac", {"dialog": [{**recording, "mediatype": "audio/flac"}]}, "mediatype"),
    ("recording-set", {"dialog": [{"type": "recording-set", "start": start, "recordings": [1]}, {**recording, "recording_set": 0}]}, "invalid type"),
    ("analysis at a URL", {"dialog": [text], "analysis": [{"type": "report", "dialog": 0, "vendor": "v", "url": "https://example.com/b", "content_hash": "sha512-x"}]}, "missing required field: body"),
]:
    valid, errors = said(**fields)
    print(f"{what}: {valid} {errors}")
    assert not valid and any(reason in error for error in errors), "changed"
PY
