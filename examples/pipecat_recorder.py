"""A Pipecat call in voice_analytics as it happens: turns, interruptions, latencies, tool calls, the end.

    recorder = await CallRecorder.start(connection, "iris", external_id=call_sid)
    observers = recorder.watch(aggregators.user(), aggregators.assistant())
    await runner.add_workers(PipelineWorker(pipeline, observers=observers))
    await recorder.end()

A statement that fails is logged, and the call goes on. pipecat-ai 1.14, psycopg 3. docs/integrations/pipecat.md
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import Any

import psycopg
from pipecat.observers.base_observer import BaseObserver
from pipecat.observers.function_call_observer import FunctionCallEvent, FunctionCallEventKind, FunctionCallObserver
from pipecat.observers.user_bot_latency_observer import UserBotLatencyObserver
from psycopg.types.json import Jsonb

log = logging.getLogger("voice_analytics")
TURN = "SELECT voice_add_turn(%s, %s, %s, started_at => %s, ended_at => %s, interrupted => %s, e2e_latency_ms => %s)"
TOOL = "SELECT voice_add_tool_call(%s, %s, %s, result => %s, latency_ms => %s, error_text => %s, invoked_at => %s)"


class CallRecorder:
    def __init__(self, connection: psycopg.AsyncConnection[Any], call_id: str) -> None:
        self.connection, self.call_id = connection, call_id
        self.latency_ms: int | None = None
        self.arguments: dict[str, Any] = {}

    @classmethod
    async def start(
        cls, connection: psycopg.AsyncConnection[Any], agent_id: str, *, from_number: str | None = None,
        to_number: str | None = None, external_id: str | None = None, direction: str = "inbound",
    ) -> CallRecorder:
        """The connection is the recorder's own, in autocommit; the agent is a row of voice.agent."""
        sql = "SELECT voice_start_call(%s, %s, %s, external_id => %s, direction => %s)::text"
        row = await (await connection.execute(sql, (agent_id, from_number, to_number, external_id, direction))).fetchone()
        assert row is not None
        return cls(connection, row[0])

    def watch(self, user: Any, assistant: Any) -> list[BaseObserver]:
        """Both aggregators of a context; gives the observers that the worker needs."""
        tools, latency = FunctionCallObserver(include_results=True), UserBotLatencyObserver()

        async def user_said(_aggregator: Any, _strategy: Any, message: Any) -> None:
            await self.said("user", message, False, None)

        async def assistant_said(_aggregator: Any, message: Any) -> None:
            latency_ms, self.latency_ms = self.latency_ms, None
            await self.said("assistant", message, message.interrupted, latency_ms)

        async def measured(_observer: Any, seconds: float) -> None:
            self.latency_ms = max(0, round(seconds * 1000))

        async def done(_observer: Any, event: FunctionCallEvent) -> None:
            await self.done(event)

        user.add_event_handler("on_user_turn_stopped", user_said)
        assistant.add_event_handler("on_assistant_turn_stopped", assistant_said)
        latency.add_event_handler("on_latency_measured", measured)
        tools.add_event_handler("on_function_call_event", done)
        return [tools, latency]

    async def said(self, role: str, message: Any, interrupted: bool, latency_ms: int | None) -> None:
        if message.content:  # the timestamp is that of the turn's start
            start, now = datetime.fromisoformat(message.timestamp), datetime.now(timezone.utc)
            await self.write(TURN, (self.call_id, role, message.content, start, max(start, now), interrupted, latency_ms))

    async def done(self, event: FunctionCallEvent) -> None:
        kind, began = event.kind, event.in_progress_at
        if kind in (FunctionCallEventKind.STARTED, FunctionCallEventKind.IN_PROGRESS):
            self.arguments[event.tool_call_id] = event.arguments
            return
        error = None if kind == FunctionCallEventKind.COMPLETED else event.error or kind.value.removeprefix("function_call_")
        result = None if error or event.result is None else Jsonb(event.result)
        latency_ms = None if began is None else max(0, round((event.timestamp - began) * 1000))
        invoked_at = datetime.fromtimestamp(began or event.timestamp, timezone.utc)
        arguments = Jsonb(self.arguments.pop(event.tool_call_id, None) or {})
        await self.write(TOOL, (self.call_id, event.function_name, arguments, result, latency_ms, error, invoked_at))

    async def end(self, status: str = "completed", end_reason: str | None = None) -> None:
        await self.write("SELECT voice_end_call(%s, %s, end_reason => %s)", (self.call_id, status, end_reason))

    async def write(self, sql: str, parameters: tuple[Any, ...]) -> None:
        try:
            await self.connection.execute(sql, parameters)
        except psycopg.Error:
            log.exception("a statement of call %s failed", self.call_id)
