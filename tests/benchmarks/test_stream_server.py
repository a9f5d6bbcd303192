"""Who answers which question; test_readers.py asks the server as a whole."""

from benchmarks.stream_server import Divided, Speaker, question
from warung.engine.request import ChatMessage, GenerationRequest, SamplingParams
from warung.engine.scripted import MODEL_ID, scripted_engine
from warung.engine.worker import ThreadedEngine


async def test_the_speaker_says_what_is_its_own_and_the_model_the_rest() -> None:
    engine = Divided(scripted_engine(lambda _prompt: "I am"), ThreadedEngine(MODEL_ID, Speaker()))
    engine.start()
    try:
        assert await said(engine, "sing") == "I am"
        assert await said(engine, question(0)) == " rain"
        assert await said(engine, question(0, 0.001)) == " rain"
    finally:
        await engine.close()


async def said(engine: Divided, text: str) -> str:
    request = GenerationRequest(f"about {text}", [ChatMessage("user", text)], SamplingParams(max_tokens=5))
    return "".join([event.text async for event in await engine.submit(request)])
