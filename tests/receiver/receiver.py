"""A receiver of webhooks that verifies them with the official library of Standard Webhooks.

receiver.py FOLDER [PORT]: reads FOLDER/secret and FOLDER/answer (a status) at every request, appends one line of JSON a
request to FOLDER/seen, and writes the port that it listens on to FOLDER/port.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

folder = sys.argv[1]


def said(name, otherwise):
    try:
        with open(os.path.join(folder, name)) as file:
            return file.read().strip()
    except FileNotFoundError:
        return otherwise


def verifies(webhook, body, headers):
    try:
        webhook.verify(body, headers)
        return True
    except WebhookVerificationError:
        return False


def once(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        raise ValueError(f"a key is there twice: {keys}")
    return dict(pairs)


def no_number(word):
    raise ValueError(f"{word} is no JSON")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = dict(self.headers.items())
        webhook = Webhook(said("secret", ""))
        status = int(said("answer", "200"))
        tampered = body.replace(b'"lead_score":9', b'"lead_score":1')
        seen = {
            "id": self.headers["webhook-id"],
            "timestamp": self.headers["webhook-timestamp"],
            "verified": verifies(webhook, body, headers),
            "tampered": tampered != body and verifies(webhook, tampered, headers),
            "was_tampered_with": tampered != body,
            "other_id": verifies(webhook, body, {**headers, "webhook-id": "msg_0"}),
            "status": status,
            "headers": sorted(name.lower() for name in self.headers.keys()),
            "body": json.loads(body, object_pairs_hook=once, parse_constant=no_number),
        }
        with open(os.path.join(folder, "seen"), "a") as file:
            file.write(json.dumps(seen) + "\n")
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), Handler)
server.daemon_threads = True
with open(os.path.join(folder, "port.new"), "w") as file:
    file.write(str(server.server_port))
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
server.serve_forever()
