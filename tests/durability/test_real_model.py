"""A real model, for a completion and for a shopper at once, whose server is killed in the middle."""

import shutil
import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from durability.reader import Reader
from durability.replica import Replica

EVENTS_BETWEEN = 6


@pytest.fixture
def folder(seeded_folder: Path, tmp_path: Path) -> Path:
    """A seeded shop's."""
    return Path(shutil.copytree(seeded_folder, tmp_path / "shop"))


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_both_ways_to_ask_survive_the_death_of_the_server(
    kept: dict[str, str], folder: Path, model_file: Path
) -> None:
    settings = {**kept, "ENGINE": "openvino", "MODEL_REPO_ID": str(model_file), "MAX_TOKENS": "60"}
    question: dict[str, Any] = {
        "model": model_file.stem,
        "messages": [{"role": "user", "content": "Tell me a story about a cat."}],
        "max_tokens": 60,
        "temperature": 0,
        "stream": True,
    }
    story = Reader("/v1/chat/completions", {**question, "session_id": "story-one"})
    wish = {"message": "laptop Jakarta", "location": "-6.2,106.8", "stream": True, "session_id": "wish-one"}
    shopper = Reader("/api/chat", wish)
    with Replica(folder, folder / "log", **settings) as server, ThreadPoolExecutor() as threads:
        shopping = threads.submit(shopper.read, server.url)
        story.read(server.url, at={15: server.kill})
        shopping.result()
        server.start()
        story.read(server.url)
        shopper.read(server.url)
        undisturbed = replace(story, body={**question, "session_id": "undisturbed"}, events=[])
        undisturbed.read(server.url)
    story.check()
    undisturbed.check()
    assert (story.text, story.finish_reasons) == (undisturbed.text, undisturbed.finish_reasons)
    assert story.chunks[-1]["warung"]["usage"] == undisturbed.chunks[-1]["warung"]["usage"]
    shopper.check()
    assert messages_in(folder) == [("user", "laptop Jakarta"), ("assistant", shopper.text)]
    assert server.takeovers >= 1


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_what_was_drawn_by_seed_goes_on_as_if_never_cut(
    kept: dict[str, str], folder: Path, model_folder: Path
) -> None:
    """Three answers, each begun when the one before has come so far: one kill cuts them at three points."""
    settings = {**kept, "ENGINE": "transformers", "MODEL_REPO_ID": str(model_folder)}
    stories = [drawn(model_folder.name, seed) for seed in range(3)]
    with Replica(folder, folder / "log", **settings) as server, ThreadPoolExecutor() as threads:
        readings: list[Future[None]] = []

        def begin(number: int) -> None:
            after = server.kill if number == len(stories) - 1 else partial(begin, number + 1)
            readings.append(threads.submit(stories[number].read, server.url, at={EVENTS_BETWEEN: after}))

        begin(0)
        for reading in readings:  # the first lasts until the kill, so by its end all are there
            reading.result()
        cuts = [len(story.events) for story in stories]
        assert len(set(cuts)) == len(cuts)
        assert not any(story.has_ended for story in stories)
        server.start()
        for story in stories:
            story.read(server.url)
        undisturbed = [drawn(model_folder.name, seed, "undisturbed") for seed in range(3)]
        for story in undisturbed:
            story.read(server.url)
    for story, expected in zip(stories, undisturbed, strict=True):
        story.check()
        assert (story.text, story.finish_reasons) == (expected.text, expected.finish_reasons)
        assert story.chunks[-1]["warung"]["usage"] == expected.chunks[-1]["warung"]["usage"]
    assert len({story.text for story in stories}) == len(stories)
    assert server.takeovers == len(stories)


def drawn(model: str, seed: int, name: str = "drawn") -> Reader:
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": "Tell me a story about a cat."}],
        "max_tokens": 32,
        "temperature": 1.0,
        "seed": seed,
        "stream": True,
        "session_id": f"{name}-by-seed-{seed}",
    }
    return Reader("/v1/chat/completions", body)


def messages_in(folder: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(folder / "warung.db")
    rows = connection.execute("SELECT role, content FROM messages ORDER BY id").fetchall()
    connection.close()
    return rows
