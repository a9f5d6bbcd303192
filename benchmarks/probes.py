"""Two situations beside plain bursts: a shared prefix, and a long prompt among running streams."""

import asyncio
import statistics
from collections.abc import Sequence
from itertools import islice

from benchmarks.load import Client
from benchmarks.measure import Answer, Interruption, SharedPrefix, percentile
from benchmarks.prompts import Message, behind_text, long_text, stories

_PREFIX_TOKENS = 1000
_LONG_PROMPT_TOKENS = 2000
_RUNNING_STREAMS = 7
_RUNNING_TOKENS = 160
_ALONE_PIECES = 32  # what every stream has said before the long prompt arrives
_FEW_TOKENS = 4


async def shared_prefix(client: Client, repeats: int) -> SharedPrefix:
    """Two questions, one after the other, behind a text that the server hasn't seen before."""
    pairs: list[tuple[Answer, Answer]] = []
    for repeat in range(repeats):
        text = long_text(repeat, _PREFIX_TOKENS)
        first = await client.ask(behind_text(text, "On which day were the most sold?"), _FEW_TOKENS)
        second = await client.ask(behind_text(text, "How many were sold on day five?"), _FEW_TOKENS)
        pairs.append((first, second))
    return SharedPrefix(
        prefix_tokens=pairs[0][0].prompt_tokens,
        first_seconds=statistics.median(first.first_token_seconds for first, _ in pairs),
        second_seconds=statistics.median(second.first_token_seconds for _, second in pairs),
    )


async def interruption(client: Client, repeats: int) -> Interruption:
    """Streams that run alone for a while, then beside a long prompt until its first token is there."""
    rounds = [await _interrupted(client, repeat) for repeat in range(repeats)]
    alone = [gap for before, _, _ in rounds for gap in before]
    during = [gap for _, gaps, _ in rounds for gap in gaps]
    return Interruption(
        prompt_tokens=rounds[0][2].prompt_tokens,
        streams=_RUNNING_STREAMS,
        alone_p50_seconds=percentile(alone, 50),
        during_p50_seconds=percentile(during, 50),
        during_p99_seconds=percentile(during, 99),
    )


async def _interrupted(client: Client, repeat: int) -> tuple[list[float], list[float], Answer]:
    """(gaps before, gaps while the long prompt was read, the long prompt's own answer)."""
    pieces = [0] * _RUNNING_STREAMS
    all_run = asyncio.Event()

    def heard(stream: int, count: int) -> None:
        pieces[stream] = count
        if min(pieces) >= _ALONE_PIECES:
            all_run.set()

    async def run(stream: int, question: Sequence[Message]) -> Answer:
        try:
            return await client.ask(question, _RUNNING_TOKENS, lambda count: heard(stream, count))
        finally:
            heard(stream, _ALONE_PIECES)  # one that ended early must not be waited for

    questions = islice(stories(skip=50_000 + repeat * _RUNNING_STREAMS), _RUNNING_STREAMS)
    running = asyncio.gather(*(run(*numbered) for numbered in enumerate(questions)))
    await all_run.wait()
    text = long_text(1000 + repeat, _LONG_PROMPT_TOKENS)
    long = await client.ask(behind_text(text, "On which day were the most sold?"), _FEW_TOKENS)
    answers = await running
    settled = max(answer.arrivals[0] for answer in answers)
    before = [gap for answer in answers for gap in answer.gaps_seconds(since=settled, until=long.sent)]
    during = [
        gap for answer in answers for gap in answer.gaps_seconds(since=long.sent, until=long.arrivals[0])
    ]
    return before, during, long
