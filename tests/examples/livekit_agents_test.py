"""A real AgentSession with a scripted LLM, no network: what examples/livekit_agents.py writes of it."""

import asyncio
import time
from typing import Any

import psycopg
from livekit.agents import Agent, AgentSession, ConversationItemAddedEvent, function_tool
from livekit.agents.llm import LLM, ChatChunk, ChatMessage, ChoiceDelta, FunctionToolCall, LLMStream

from livekit_agents import CallRecorder
from rows import analyzed, the_call


class Scripted(LLM):
    def chat(self, *, chat_ctx: Any, tools: Any = None, conn_options: Any = None, **_: Any) -> LLMStream:
        return Stream(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class Stream(LLMStream):
    async def _run(self) -> None:
        last = self.chat_ctx.items[-1]
        said = last.text_content if last.type == "message" else last.name
        calls = {"Book Tuesday": ("book", '{"day": "Tuesday"}'), "What is a crown?": ("price", '{"item": "crown"}')}
        if said in calls:
            name, arguments = calls[said]
            delta = ChoiceDelta(role="assistant", tool_calls=[FunctionToolCall(name=name, arguments=arguments, call_id=name)])
        else:
            words = {"book": "You are booked.", "price": "Prices are not there."}.get(said, "Good morning.")
            delta = ChoiceDelta(role="assistant", content=words)
        self._event_ch.send_nowait(ChatChunk(id="1", delta=delta))


class Iris(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="You are Iris.")

    @function_tool
    async def book(self, day: str) -> dict[str, Any]:
        """Books a day."""
        return {"booked": day, "sure": True}

    @function_tool
    async def price(self, item: str) -> str:
        """Tells a price."""
        raise RuntimeError("no such item")


async def main() -> None:
    connection = await psycopg.AsyncConnection.connect(autocommit=True)
    session: AgentSession[Any] = AgentSession(llm=Scripted())
    recorder = await CallRecorder.start(session, connection, "iris", from_number="+12125550142", external_id="job-1")
    await session.start(Iris())
    for words in ("Hello", "Book Tuesday", "What is a crown?"):
        await session.run(user_input=words)
    # What a loudspeaker and an interruption add.
    now = time.time()
    spoken = ChatMessage(
        role="assistant", content=["Anything else I can"], interrupted=True, created_at=now,
        metrics={"started_speaking_at": now + 1, "stopped_speaking_at": now + 2.5, "llm_node_ttft": 0.1012, "tts_node_ttfb": 0.05, "e2e_latency": 0.4321},
    )
    session.emit("conversation_item_added", ConversationItemAddedEvent(item=spoken))
    await session.aclose()
    await recorder.writer
    await connection.close()

    call = the_call("job-1")
    assert (call["status"], call["from_number"], call["agent_id"]) == ("completed", "+12125550142", "iris"), call
    assert call["end_reason"] == "user_initiated", call["end_reason"]
    assert [(t["role"], t["text"]) for t in call["turns"]] == [
        ("user", "Hello"), ("assistant", "Good morning."), ("user", "Book Tuesday"), ("assistant", "You are booked."),
        ("user", "What is a crown?"), ("assistant", "Prices are not there."), ("assistant", "Anything else I can"),
    ], call["turns"]
    last = call["turns"][-1]
    assert (last["interrupted"], last["llm_ttft_ms"], last["tts_ttfb_ms"], last["e2e_latency_ms"], last["ms"]) == (True, 101, 50, 432, 1500), last
    book, price = call["tool_calls"]
    assert (book["name"], book["args"], book["result"], book["error_text"]) == ("book", {"day": "Tuesday"}, {"booked": "Tuesday", "sure": True}, None), book
    assert book["latency_ms"] >= 0 and price["result"] is None and price["error_text"], price
    analyzed(call["id"])
    print("livekit_agents: 7 turns and 2 tool calls of a real session")


asyncio.run(main())
