"""A LiveKit Agents call in voice_analytics as it happens: turns, interruptions, latencies, tool calls, the end.

    recorder = await CallRecorder.start(session, connection, "iris", external_id=ctx.job.id)
    await session.start(agent, room=ctx.room)

A statement that fails is logged, and the call goes on. livekit-agents 1.8, psycopg 3. docs/integrations/livekit.md
"""

from __future__ import annotations

import ast
import asyncio
import json
import logging
from datetime import datetime, timezone
from typing import Any

import psycopg
from livekit.agents import AgentSession, CloseEvent, ConversationItemAddedEvent, FunctionToolsExecutedEvent
from livekit.agents.llm import ChatMessage
from psycopg.types.json import Jsonb

log = logging.getLogger("voice_analytics")
TURN = """SELECT voice_add_turn(%s, %s, %s, started_at => %s, ended_at => %s, interrupted => %s, transcription_ms => %s,
    llm_ttft_ms => %s, tts_ttfb_ms => %s, e2e_latency_ms => %s)"""
TOOL = "SELECT voice_add_tool_call(%s, %s, %s, result => %s, latency_ms => %s, error_text => %s, invoked_at => %s)"
END = "SELECT voice_end_call(%s, %s, end_reason => %s)"


def moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)


def ms(seconds: float | None) -> int | None:
    return None if seconds is None else max(0, round(seconds * 1000))


def value(text: str) -> Any:
    """A tool's output is JSON, or a dict as Python prints it, or words."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError):
            continue
    return text


class CallRecorder:
    def __init__(self, connection: psycopg.AsyncConnection[Any], call_id: str) -> None:
        self.connection, self.call_id = connection, call_id
        self.queue: asyncio.Queue[tuple[str, tuple[Any, ...]] | None] = asyncio.Queue()
        self.writer = asyncio.create_task(self.write())

    @classmethod
    async def start(
        cls, session: AgentSession[Any], connection: psycopg.AsyncConnection[Any], agent_id: str, *,
        from_number: str | None = None, to_number: str | None = None, external_id: str | None = None, direction: str = "inbound",
    ) -> CallRecorder:
        """The connection is the recorder's own, in autocommit; the agent is a row of voice.agent."""
        sql = "SELECT voice_start_call(%s, %s, %s, external_id => %s, direction => %s)::text"
        row = await (await connection.execute(sql, (agent_id, from_number, to_number, external_id, direction))).fetchone()
        assert row is not None
        recorder = cls(connection, row[0])
        session.on("conversation_item_added", recorder.said)
        session.on("function_tools_executed", recorder.done)
        session.on("close", recorder.closed)
        return recorder

    def said(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if not isinstance(item, ChatMessage) or item.role not in ("user", "assistant") or not item.text_content:
            return
        m: Any = item.metrics
        start = m.get("started_speaking_at") or item.created_at
        end = m.get("stopped_speaking_at")
        self.queue.put_nowait((TURN, (
            self.call_id, item.role, item.text_content, moment(start), moment(end and max(start, end)), item.interrupted,
            ms(m.get("transcription_delay")), ms(m.get("llm_node_ttft")), ms(m.get("tts_node_ttfb")), ms(m.get("e2e_latency")))))

    def done(self, event: FunctionToolsExecutedEvent) -> None:
        for call, output in event.zipped():
            failed = output is not None and output.is_error
            self.queue.put_nowait((TOOL, (
                self.call_id, call.name, Jsonb(value(call.arguments)), Jsonb(value(output.output)) if output and not failed else None,
                ms(output.created_at - call.created_at) if output else None, output.output if output and failed else None,
                moment(call.created_at))))

    def closed(self, event: CloseEvent) -> None:
        self.queue.put_nowait((END, (self.call_id, "failed" if event.error else "completed", event.reason.value)))
        self.queue.put_nowait(None)

    async def write(self) -> None:
        """Until the session is closed; await recorder.writer before the process ends."""
        while (statement := await self.queue.get()) is not None:
            try:
                await self.connection.execute(*statement)
            except psycopg.Error:
                log.exception("a statement of call %s failed", self.call_id)
