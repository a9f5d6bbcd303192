"""What is measured of streams over HTTP: the server's work, the way back in, many readers of one stream."""

import asyncio
import math
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from benchmarks.measure import percentile
from benchmarks.readers import Reader, all_over, ask, attach, leave_all, open_all
from benchmarks.servers import Running
from benchmarks.stream_server import question

_MODEL = "scripted"
_STORED_EVENTS = 1000
_ATTACH_TIMES = 200
_STREAMS_BESIDE = 8
_STEP_SECONDS = 1 / 50
_LONG_ANSWER = 32_000
_FAN_OUT_EVENTS = 3000
_GATHER_SECONDS = 1.0  # all readers are there before the first token

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Work:
    """Processor time of the server's own process; the engine has another."""

    streams: int
    events_per_second: float
    seconds_per_event: float


@dataclass(frozen=True, slots=True)
class Attaching:
    """From the beginning of a connection to the first of the events stored before."""

    p50_seconds: float
    p99_seconds: float


@dataclass(frozen=True, slots=True)
class FanOut:
    """One stream at its engine's full speed, to so many readers."""

    readers: int
    events_per_second: float
    seconds_per_delivery: float


async def work(running: Running, *, streams: int, gap_seconds: float, events: int) -> Work:
    """Each stream has one reader, and all go on in steps a gap apart; 0 is the engine's full speed."""
    begun = time.perf_counter()
    with _cpu(running) as spent:
        readers = await open_all(running.url, [ask(_MODEL, question(0, gap_seconds), events)] * streams)
        await all_over(readers)
    total = sum(reader.events for reader in readers)
    return Work(streams, total / (time.perf_counter() - begun), spent() / total)


async def attaching(running: Running, *, beside: bool) -> Attaching:
    """To an ended session, again and again; `beside` running streams or alone."""
    session_id = await _stored(running.url)
    others: list[Reader] = []
    if beside:
        slow = ask(_MODEL, question(0, _STEP_SECONDS), _LONG_ANSWER)
        others = await open_all(running.url, [slow] * _STREAMS_BESIDE)
    delays: list[float] = []
    for number in range(_ATTACH_TIMES):
        request = attach(session_id, number % (_STORED_EVENTS // 2))
        reader = await Reader(request, most_events=1).open(running.url)
        await reader.over
        delays.append(reader.first_event_at - reader.asked_at)
        await asyncio.sleep(_STEP_SECONDS / 3)
    leave_all(others)
    return Attaching(percentile(delays, 50), percentile(delays, 99))


async def fan_out(running: Running, readers: int) -> FanOut:
    session_id = _new_session()
    request = ask(_MODEL, question(_GATHER_SECONDS), _FAN_OUT_EVENTS, session_id)
    first = await Reader(request).open(running.url)
    await first.accepted.wait()
    everybody = [first, *await open_all(running.url, [attach(session_id)] * (readers - 1))]
    with _cpu(running) as spent:
        await all_over(everybody)
    seconds = max(reader.last_at for reader in everybody) - first.asked_at - _GATHER_SECONDS
    return FanOut(readers, _FAN_OUT_EVENTS / seconds, spent() / sum(reader.events for reader in everybody))


async def _stored(url: str) -> str:
    """An ended session of so many events."""
    session_id = _new_session()
    reader = await Reader(ask(_MODEL, question(0), _STORED_EVENTS, session_id)).open(url)
    await reader.over
    return session_id


def _new_session() -> str:
    return f"benchmark-{next(_numbers)}"


@contextmanager
def _cpu(running: Running) -> Generator[Callable[[], float]]:
    """What the server's process spends within; to be asked afterwards."""

    def now() -> float:
        times = running.process.cpu_times()
        return times.user + times.system

    begun, ended = now(), math.nan
    yield lambda: ended - begun
    ended = now()
