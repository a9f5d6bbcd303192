"""Ten thousand requests of all kinds against one small model with a cache of few blocks."""

# Only the scheduler knows who holds what.
# pyright: reportPrivateUsage=false

import asyncio
import gc
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.transformers.tiny_models import runner_of, save
from warung.engine.constraint import Regex
from warung.engine.request import ChatMessage, FinishReason, GenerationRequest, SamplingParams
from warung.engine.transformers.runner import TransformersRunner
from warung.engine.transformers.scheduler import Limits
from warung.engine.worker import ThreadedEngine, ThreadedGeneration
from warung.errors import InvalidInput, TooManyRequests

REQUESTS = 10_000
CALLERS = 24
BLOCKS, BLOCK_TOKENS = 24, 4
ROOM = BLOCKS * BLOCK_TOKENS
MODEL = {"num_hidden_layers": 1, "hidden_size": 16, "intermediate_size": 16}
TRUNKS = ["You sell coffee. ", "You sell rice, and rice only. ", ""]
# Answers begin to be told some time after the memory has got what it needs.
SETTLED_AFTER = REQUESTS // 4
GROWTH_BYTES = 24 * 2**20


@dataclass
class Soak:
    engine: ThreadedEngine
    chance: random.Random
    left: int = REQUESTS
    ended: Counter[str] = field(default_factory=Counter[str])
    greedy: dict[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])
    settled_bytes: int = 0
    turned_away: int = 0

    async def caller(self) -> None:
        while self.left:
            self.left -= 1
            if self.left == REQUESTS - SETTLED_AFTER:
                self.settled_bytes = memory()
            self.ended[await self._one(self._request(self.left))] += 1

    def _request(self, number: int) -> GenerationRequest:
        chance = self.chance
        length = chance.choice([1, 3, 12, 30, ROOM - 20, ROOM + 1])
        content = (chance.choice(TRUNKS) + chance.choice("abc") * length)[-length:]
        given: dict[str, Any] = {"max_tokens": chance.randint(1, 16), "seed": number}
        given["temperature"] = chance.choice([0, 1.5])
        chance.choice([no_more, penalties, limits, likelihoods, shape, wrong_shape, stops])(given, chance)
        tenant = chance.choice(["", "a", "b"])
        sampling = SamplingParams(**given)
        return GenerationRequest(str(number), [ChatMessage("user", content)], sampling, tenant=tenant)

    async def _one(self, request: GenerationRequest) -> str:
        """How it ended, in one word."""
        last_piece = self.chance.choice([None, None, None, 0, 1, 3])
        text, tokens = "", 0
        try:
            generation = await self._accepted(request)
            if last_piece == 0:
                self.engine.abort(request.id)
            async for event in generation:
                text += event.text
                tokens += len(event.token_ids)
                assert event.usage.completion_tokens == tokens <= request.sampling.max_tokens
                if event.finish_reason:
                    self._compare(request, text)
                    return event.finish_reason
                if last_piece and tokens >= last_piece:
                    generation.close()
        except InvalidInput as error:
            return f"refused {error.field}"
        assert last_piece is not None
        return "aborted"

    async def _accepted(self, request: GenerationRequest) -> ThreadedGeneration:
        """Asks again while the engine is full."""
        while True:
            try:
                return await self.engine.submit(request)
            except TooManyRequests:
                self.turned_away += 1
                await asyncio.sleep(0.005)

    def _compare(self, request: GenerationRequest, text: str) -> None:
        """Equal plain questions have equal answers, whoever else was there."""
        sampling = request.sampling
        plain = SamplingParams(max_tokens=sampling.max_tokens, temperature=0, seed=sampling.seed)
        if sampling == plain:
            key = (request.messages[0].content, sampling.max_tokens)
            assert self.greedy.setdefault(key, text) == text


def no_more(_given: dict[str, Any], _chance: random.Random) -> None:
    """The plain question."""


def penalties(given: dict[str, Any], chance: random.Random) -> None:
    given |= {"presence_penalty": 1, "frequency_penalty": chance.random(), "repetition_penalty": 1.2}


def limits(given: dict[str, Any], chance: random.Random) -> None:
    given |= {"top_k": chance.choice([1, 5]), "top_p": 0.8, "min_p": 0.01, "logit_bias": {7: 5}}


def likelihoods(given: dict[str, Any], chance: random.Random) -> None:
    given["logprobs"] = chance.choice([0, 4])


def shape(given: dict[str, Any], _chance: random.Random) -> None:
    given["constraint"] = Regex("[a-f]{2,9}")


def wrong_shape(given: dict[str, Any], _chance: random.Random) -> None:
    given["constraint"] = Regex("([")


def stops(given: dict[str, Any], chance: random.Random) -> None:
    given["stop"] = (chance.choice("aeiou"), "never said")


def memory() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


@pytest.fixture
def runner(tmp_path: Path) -> TransformersRunner:
    folder = save(tmp_path / "llama", "llama", **MODEL)
    few = Limits(step_tokens=40, beside_tokens=12, max_running=12)
    return runner_of(folder, limits=few, block_tokens=BLOCK_TOKENS, cache_tokens=ROOM)


@pytest.mark.parametrize("seed", [1])
async def test_every_request_ends_and_nothing_is_left_behind(runner: TransformersRunner, seed: int) -> None:
    engine = ThreadedEngine("soaked", runner, max_requests=CALLERS - 4)
    engine.start()
    await engine.tokenizer()
    scheduler = runner._ready()
    preempted = 0
    preempt = scheduler._preempt

    def counted(sequence: Any) -> None:
        nonlocal preempted
        preempted += 1
        preempt(sequence)

    scheduler._preempt = counted
    soak = Soak(engine, random.Random(seed))
    await asyncio.gather(*(soak.caller() for _ in range(CALLERS)))
    grown = memory() - soak.settled_bytes
    assert engine.state().running == 0
    await engine.close()  # comes behind the last aborts
    pool = scheduler._pool
    assert not scheduler.busy
    assert (pool.available, sum(pool._references)) == (BLOCKS, 0)
    assert soak.ended.total() == REQUESTS
    refused = {"refused messages", "refused structured_outputs"}
    assert set(soak.ended) == {FinishReason.STOP, FinishReason.LENGTH, "aborted"} | refused
    assert min(soak.ended.values()) > REQUESTS // 100
    assert soak.turned_away
    assert preempted > REQUESTS // 100
    assert len(soak.greedy) > 50
    assert grown < GROWTH_BYTES
