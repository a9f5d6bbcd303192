"""Many readers of streams that don't move, beside a model that works: what they take from it, and memory."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from benchmarks.load import Client
from benchmarks.prompts import Message, stories
from benchmarks.readers import ask, leave_all, open_all
from benchmarks.servers import Running
from benchmarks.stream_server import question

_STREAMS = 8
_TOKENS = 96
_BURSTS = 3


@dataclass(frozen=True, slots=True)
class IdleReaders:
    """The model's tokens/s over all its streams, before, with and after the readers; `rss_mb` of the server's
    own process, `model_rss_mb` of the model's."""

    readers: int
    streams: int
    before: float
    during: float
    after: float
    rss_mb_before: float
    rss_mb: float
    pings: int

    @property
    def slowdown(self) -> float:
        """As a share of what the model does without them."""
        return 1 - self.during / ((self.before + self.after) / 2)


async def idle_readers(running: Running, model: str, count: int) -> IdleReaders:
    """Each reader has a stream of its own. Raises LoadError when one of them is turned away or cut off."""
    questions = stories()
    async with Client(running.url, model) as client:
        await client.burst(list(islice(questions, _STREAMS)), _TOKENS)
        before, rss_before = await _rate(client, questions), _rss_mb(running)
        readers = await open_all(running.url, [ask(model, question(float("inf")), 16)] * count)
        during, rss = await _rate(client, questions), _rss_mb(running)
        pings = sum(reader.pings for reader in readers)
        leave_all(readers)
        await asyncio.sleep(1)
        after = await _rate(client, questions)
    return IdleReaders(count, _STREAMS, before, during, after, rss_before, rss, pings)


async def _rate(client: Client, questions: Iterator[list[Message]]) -> float:
    bursts = [await client.burst(list(islice(questions, _STREAMS)), _TOKENS) for _ in range(_BURSTS)]
    return sum(burst.tokens_per_second for burst in bursts) / _BURSTS


def _rss_mb(running: Running) -> float:
    return running.process.memory_info().rss / 1e6
