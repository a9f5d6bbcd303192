"""Measures warung's streams, store by store: python -m benchmarks.streams --help.

What storing costs is measured in this process; everything else over HTTP, with a server of its own for each
store.
"""

import asyncio
import json
import os
import resource
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import psutil
import typer
from rich.console import Console

from benchmarks import machine, page
from benchmarks.durability import delays
from benchmarks.idle_readers import idle_readers
from benchmarks.load import LoadError
from benchmarks.servers import ROOT, NotStarted, Running, Server, started
from benchmarks.stream_probes import attaching, fan_out, work
from benchmarks.stream_report import StoreResult, StreamReport, markdown, show
from benchmarks.stream_stores import STORES, RedisMissing, StoreKind, opened
from warung.cli import packaged_model

_PAGE = ROOT / "docs" / "benchmarks-streams.md"
_STEP_SECONDS = 0.01
_STREAMS_AT_WORK = 16
_FAN_OUTS = (1, 10, 100)
_FILES_BESIDE = 200  # open beside the sockets

console = Console(stderr=True, highlight=False)


def main(
    *,
    stores: Annotated[str, typer.Option(help="Names, separated by commas; default: all.")] = "",
    streams: Annotated[str, typer.Option(help="Numbers of concurrent streams.")] = "1,8,32",
    steps: Annotated[int, typer.Option(min=10, help="Steps over which storing is measured.")] = 1500,
    http: Annotated[bool, typer.Option(help="Also what is measured over HTTP.")] = True,
    readers: Annotated[int, typer.Option(help="Idle readers beside a real model; 0: not measured.")] = 2000,
    model: Annotated[Path | None, typer.Option(help="A .gguf file; default: the packaged one.")] = None,
    markdown_page: Annotated[bool, typer.Option("--markdown", help=f"Write docs/{_PAGE.name}.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures here.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Measure although the machine is busy.")] = False,
) -> None:
    """Tables of what durability costs and what readers take, and which goals warung reaches."""
    machine.leave_when_told()
    _allow_files(readers + _FILES_BESIDE)
    kinds = _chosen(stores)
    gguf = (model or packaged_model()).absolute()
    busy = machine.require_idle(force=force)
    results = [StoreResult(kind.name, kind.title) for kind in kinds]
    for kind, result in zip(kinds, results, strict=True):
        try:
            _measure(kind, result, [int(one) for one in streams.split(",")], steps, http=http)
            if readers and kind.name == "normal":
                console.print(f"Measuring {readers} idle readers ...")
                _measure_idle(kind, result, gguf, readers)
        except (RedisMissing, NotStarted, LoadError, psutil.NoSuchProcess) as error:
            result.problem = str(error)
            console.print(f"[yellow]{kind.title}:[/] {error}", soft_wrap=True)
    date = datetime.now(UTC).date().isoformat()
    report = StreamReport(date, machine.describe(), steps, _STEP_SECONDS, gguf.stem, busy, results)
    show(report, page.console())
    if json_file:
        json_file.write_text(json.dumps(asdict(report), indent=1), "utf-8")
    if markdown_page:
        _PAGE.write_text(markdown(report), "utf-8")


def _allow_files(count: int) -> None:
    """Here and in the servers started from here. Exits when the system allows fewer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        sys.exit(f"A process may open {hard} files and needs {count}: raise ulimit -Hn, or lower --readers")
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _chosen(names: str) -> list[StoreKind]:
    """Memory always, as what the others are compared with."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = [kind.name for kind in STORES]
    if unknown := [name for name in wanted if name not in known]:
        sys.exit(f"--stores: {', '.join(unknown)} is unknown; there are {', '.join(known)}")
    return [kind for kind in STORES if not wanted or kind.name in {"memory", *wanted}]


def _measure(kind: StoreKind, result: StoreResult, streams: list[int], steps: int, *, http: bool) -> None:
    console.print(f"Measuring {kind.title} ...")
    for count in streams:
        with tempfile.TemporaryDirectory() as folder, kind.environment(Path(folder)) as environment:

            async def measure(count: int = count, environment: dict[str, str] = environment) -> None:
                store = opened(environment)
                result.delays[count] = await delays(store, count, steps=steps, step_seconds=_STEP_SECONDS)

            asyncio.run(measure())
    if http:
        with (
            tempfile.TemporaryDirectory() as folder,
            kind.environment(Path(folder)) as environment,
            started(server(environment), Path(folder)) as running,
        ):
            asyncio.run(_ask(running, result))


async def _ask(running: Running, result: StoreResult) -> None:
    result.alone = await attaching(running, beside=False)
    result.beside = await attaching(running, beside=True)
    for gap_seconds, events in ((1 / 60, 360), (0, 1000)):
        result.work.append(
            await work(running, streams=_STREAMS_AT_WORK, gap_seconds=gap_seconds, events=events)
        )
    result.fan_outs = [await fan_out(running, readers) for readers in _FAN_OUTS]


def _measure_idle(kind: StoreKind, result: StoreResult, gguf: Path, readers: int) -> None:
    with tempfile.TemporaryDirectory() as folder, kind.environment(Path(folder)) as environment:
        environment |= {"MODEL_REPO_ID": str(gguf), "ENGINE": "openvino"}
        with started(server(environment), Path(folder)) as running:
            result.idle = asyncio.run(idle_readers(running, gguf.stem, readers))


def server(environment: dict[str, str]) -> Server:
    """The warung to measure, with such settings."""
    path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return Server(
        name="streams",
        title="warung",
        weights="none",
        model="scripted",
        python=Path(sys.executable),
        packages=("warung",),
        install="pip install warung",
        command=lambda port: [sys.executable, "-m", "benchmarks.stream_server", str(port)],
        environment={**environment, "PYTHONPATH": os.pathsep.join(path)},
        prepare=(sys.executable, "-m", "warung", "migrate"),
        ready=lambda response: response.is_success and response.json()["modelReady"],
    )


if __name__ == "__main__":
    typer.run(main)
