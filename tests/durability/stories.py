"""A long answer of the scripted engine, which tells what it was told, and how it must come through."""

import os

from durability.reader import Reader, Way
from warung.engine.scripted import MODEL_ID

KILLS = int(os.environ.get("FAULT_KILLS", "2"))
"""How often a test may break what it breaks."""
STORY = "".join(f"{number}: kopi 🙂 teh; " for number in range(200))


def asked(number: int, *, story: str = STORY, by: Way = Way.GET) -> Reader:
    """The reader of a session of its own."""
    body = {
        "model": MODEL_ID,
        "messages": [{"role": "user", "content": story}],
        "max_tokens": 16_000,
        "stream": True,
        "stream_options": {"include_usage": True},
        "session_id": f"session-{number}",
    }
    return Reader("/v1/chat/completions", body, by)


def check(reader: Reader) -> None:
    """It is as if nothing had happened."""
    reader.check()
    story = reader.body["messages"][0]["content"]
    assert reader.text == story
    assert reader.finish_reasons == ["stop"]
    assert reader.chunks[-1]["usage"]["completion_tokens"] == len(story.encode())
