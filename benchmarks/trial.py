"""One trial: a server or a bare library started, asked, measured and stopped; knows no table and no goal."""

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import psutil

from benchmarks import machine
from benchmarks.bare import Bare
from benchmarks.load import Client, LoadError
from benchmarks.measure import Answer, Burst, Figures, Result
from benchmarks.probes import interruption, shared_prefix
from benchmarks.prompts import stories
from benchmarks.servers import ROOT, NotStarted, Running, Server, started

_WARM_UP_TOKENS = 8
_VERSIONS = (
    "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure, and how often."""

    streams: tuple[int, ...]
    tokens: int
    repeats: int
    probes: bool


def try_server(server: Server, plan: Plan, work: Path) -> Result:
    """Never raises for what a server does: its problem stands in the result."""
    result = Result(server.name, server.title, server.weights)
    result.versions = versions(server.python, server.packages)
    if not result.versions:
        result.problem = f"not installed: {server.install}"
        return result
    try:
        with started(server, work) as running:
            result.load_seconds = running.load_seconds
            asyncio.run(_ask(server, running, plan, result))
            result.rss_mb = running.rss_mb()
    except (NotStarted, LoadError, psutil.NoSuchProcess) as error:
        result.problem = f"failed: {error}"
    return result


async def _ask(server: Server, running: Running, plan: Plan, result: Result) -> None:
    questions = stories()
    async with Client(running.url, server.model) as client:
        for streams in plan.streams:
            await client.burst(list(islice(questions, streams)), min(plan.tokens, _WARM_UP_TOKENS))
        meter = _Meter(running.cpu_seconds)
        for streams in plan.streams:
            bursts = [
                await client.burst(list(islice(questions, streams)), plan.tokens) for _ in range(plan.repeats)
            ]
            result.figures[streams] = Figures.of(bursts, asked_tokens=plan.tokens)
        result.client_cores, result.others_cores = meter.read()
        if plan.probes and server.probed:
            result.shared_prefix = await shared_prefix(client, plan.repeats)
            result.interruption = await interruption(client, plan.repeats)


def try_bare(bare: Bare, model: Path, plan: Plan) -> Result:
    """The library in a process of its own; its problem stands in the result."""
    result = Result(bare.name, bare.title, bare.weights, versions(Path(sys.executable), bare.packages))
    if not result.versions:
        result.problem = f"not installed: {bare.install}"
        return result
    streams = [count for count in plan.streams if count <= bare.most_streams]
    meter = _Meter(_children_cpu_seconds)
    command = [sys.executable, "-m", "benchmarks.bare", bare.name, str(model)]
    command += [",".join(map(str, streams)), str(plan.repeats), str(plan.tokens)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        result.problem = f"failed: {done.stderr.strip()[-300:]}"
        return result
    _, result.others_cores = meter.read()
    report = json.loads(done.stdout.splitlines()[-1])
    result.load_seconds, result.rss_mb = report["load_seconds"], report["rss_mb"]
    for count, repeats in report["bursts"].items():
        bursts = [Burst(tuple(Answer(**answer) for answer in answers)) for answers in repeats]
        result.figures[int(count)] = Figures.of(bursts, asked_tokens=plan.tokens)
    return result


def versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """By name, as that Python's environment has them; empty when one is missing."""
    if not python.exists():
        return {}
    command = [str(python), "-c", _VERSIONS, *packages]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return {} if done.returncode else json.loads(done.stdout)


class _Meter:
    """Who uses the processor from now on."""

    def __init__(self, measured_cpu_seconds: Callable[[], float]) -> None:
        self._measured_cpu_seconds = measured_cpu_seconds
        self._begun = self._now()

    def _now(self) -> tuple[float, float, float, float]:
        own, measured = time.process_time(), self._measured_cpu_seconds()
        return time.perf_counter(), own, measured, machine.busy_seconds()

    def read(self) -> tuple[float, float]:
        """Cores used by this client, and by all but it and what is measured."""
        pairs = zip(self._now(), self._begun, strict=True)
        wall, own, measured, busy = (now - then for now, then in pairs)
        return own / wall, max(0.0, busy - measured - own) / wall


def _children_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
