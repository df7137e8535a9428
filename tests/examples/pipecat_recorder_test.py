"""A real pipeline with a scripted LLM service, no network: what examples/pipecat_recorder.py writes of it."""

import asyncio
from typing import Any

import psycopg
from pipecat.frames.frames import (
    EndFrame, LLMContextFrame, LLMFullResponseEndFrame, LLMFullResponseStartFrame, LLMTextFrame, TranscriptionFrame,
    UserStartedSpeakingFrame, UserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import AssistantTurnStoppedMessage, LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.services.llm_service import FunctionCallFromLLM, FunctionCallParams, LLMService
from pipecat.turns.user_turn_strategies import ExternalUserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from pipecat_recorder import CallRecorder
from rows import analyzed, the_call


class Scripted(LLMService):
    """Answers what the script has for the last thing that was said or done."""

    async def process_frame(self, frame: Any, direction: Any) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        last: Any = frame.context.get_messages()[-1]
        await self.push_frame(LLMFullResponseStartFrame())
        asked = {"Book Tuesday": ("book", {"day": "Tuesday"}), "What is a crown?": ("price", {"item": "crown"})}
        if last["role"] == "user" and last["content"] in asked:
            name, arguments = asked[last["content"]]
            await self.run_function_calls(
                [FunctionCallFromLLM(context=frame.context, tool_call_id=name, function_name=name, arguments=arguments)])
        else:
            words = {"Hello": "Good morning.", "How much": "Implants start at"}
            await self.push_frame(LLMTextFrame(words.get(last["content"], "It is done.")))
        await self.push_frame(LLMFullResponseEndFrame())


async def book(params: FunctionCallParams) -> None:
    await params.result_callback({"booked": params.arguments["day"]})


async def price(_params: FunctionCallParams) -> None:
    raise RuntimeError("no such item")


async def main() -> None:
    connection = await psycopg.AsyncConnection.connect(autocommit=True)
    recorder = await CallRecorder.start(connection, "iris", from_number="+12125550142", external_id="CA9")
    context = LLMContext()
    aggregators = LLMContextAggregatorPair(context, user_params=LLMUserAggregatorParams(user_turn_strategies=ExternalUserTurnStrategies()))
    llm = Scripted()
    llm.register_function("book", book)
    llm.register_function("price", price)
    observers = recorder.watch(aggregators.user(), aggregators.assistant())
    worker = PipelineWorker(Pipeline([aggregators.user(), llm, aggregators.assistant()]), observers=observers)

    async def talk() -> None:
        for words in ("Hello", "Book Tuesday", "What is a crown?", "How much"):
            said = len(context.get_messages())
            await worker.queue_frames([UserStartedSpeakingFrame(), TranscriptionFrame(words, "caller", time_now_iso8601()), UserStoppedSpeakingFrame()])
            # The caller waits for the answer.
            for _ in range(300):
                await asyncio.sleep(0.05)
                messages: Any = context.get_messages()
                if len(messages) > said + 1 and messages[-1]["role"] == "assistant" and messages[-1].get("content"):
                    break
            else:
                raise SystemExit(f"no answer to {words}: {context.get_messages()[said:]}")
        await worker.queue_frame(EndFrame())

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await asyncio.gather(runner.run(), talk())
    # A loudspeaker's word of an interruption, and a latency, by the handlers that the aggregator and the observer call.
    await observers[1]._call_event_handler("on_latency_measured", 0.4321)
    await aggregators.assistant()._call_event_handler(
        "on_assistant_turn_stopped", AssistantTurnStoppedMessage(content="Anything else I", interrupted=True, timestamp=time_now_iso8601()))
    await asyncio.sleep(0.5)
    await recorder.end(end_reason="caller hung up")
    await connection.close()

    call = the_call("CA9")
    assert (call["status"], call["end_reason"], call["from_number"]) == ("completed", "caller hung up", "+12125550142"), call
    assert [(t["role"], t["text"]) for t in call["turns"]] == [
        ("user", "Hello"), ("assistant", "Good morning."), ("user", "Book Tuesday"), ("assistant", "It is done."),
        ("user", "What is a crown?"), ("assistant", "It is done."), ("user", "How much"), ("assistant", "Implants start at"),
        ("assistant", "Anything else I"),
    ], [(t["role"], t["text"]) for t in call["turns"]]
    assert (call["turns"][-1]["interrupted"], call["turns"][-1]["e2e_latency_ms"]) == (True, 432), call["turns"][-1]
    done, failed = call["tool_calls"]
    assert (done["name"], done["args"], done["result"], done["error_text"]) == ("book", {"day": "Tuesday"}, {"booked": "Tuesday"}, None), done
    assert (failed["name"], failed["args"], failed["result"]) == ("price", {"item": "crown"}, None) and failed["error_text"], failed
    analyzed(call["id"])
    print("pipecat: 9 turns and 2 tool calls of a real pipeline")


asyncio.run(main())
