"""What stands in the database, for the tests of examples/."""

import time
from typing import Any

import psycopg
from psycopg.rows import dict_row


def the_call(external_id: str) -> dict[str, Any]:
    """The call with its turns and tool calls in order; a turn's length is ms."""
    with psycopg.connect(row_factory=dict_row) as connection:
        call = connection.execute("SELECT * FROM voice.call WHERE external_id = %s", (external_id,)).fetchone()
        assert call is not None, external_id
        turns = """SELECT *, round(extract(epoch FROM ended_at - started_at) * 1000)::int AS ms FROM voice.turn
                   WHERE call_id = %s ORDER BY started_at, id"""
        call["turns"] = connection.execute(turns, (call["id"],)).fetchall()
        call["tool_calls"] = connection.execute(
            "SELECT * FROM voice.tool_call WHERE call_id = %s ORDER BY invoked_at, id", (call["id"],)
        ).fetchall()
        return call


def analyzed(call_id: Any) -> None:
    """Waits until the worker has judged the call."""
    deadline = time.monotonic() + 30
    with psycopg.connect(autocommit=True) as connection:
        while connection.execute("SELECT 1 FROM voice.analytics WHERE call_id = %s", (call_id,)).fetchone() is None:
            assert time.monotonic() < deadline, f"call {call_id} was not analyzed"
            time.sleep(0.1)
