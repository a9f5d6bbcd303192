"""Measures warung's engines beside other servers and the bare libraries: python -m benchmarks.engine --help.

Each is started alone, asked the same questions over the same weights, and stopped before the next one.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import machine, page
from benchmarks.bare import LIBRARIES, Bare
from benchmarks.measure import Result
from benchmarks.report import Report, markdown, show
from benchmarks.servers import ROOT, Places, Server, servers
from benchmarks.trial import Plan, try_bare, try_server
from benchmarks.weights import fp32_folder, is_converted
from warung.cli import packaged_model

_PAGE = ROOT / "docs" / "benchmarks.md"
_PYTHON = Path(sys.executable)
_WORK = Path(tempfile.gettempdir()) / "warung-benchmarks"

console = Console(stderr=True, highlight=False)


def main(
    *,
    names: Annotated[str, typer.Option("--servers", help="Names, separated by commas; default: all.")] = "",
    streams: Annotated[str, typer.Option(help="Numbers of concurrent streams.")] = "1,4,8,16,32",
    tokens: Annotated[int, typer.Option(min=2, help="New tokens of each answer.")] = 64,
    repeats: Annotated[int, typer.Option(min=1, help="Bursts of each size; the median counts.")] = 3,
    probes: Annotated[bool, typer.Option(help="Also the shared prefix and the long prompt.")] = True,
    markdown_page: Annotated[bool, typer.Option("--markdown", help="Write docs/benchmarks.md.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures here.")] = None,
    work: Annotated[Path, typer.Option(help="Keeps the fp32 weights and the logs.")] = _WORK,
    model: Annotated[Path | None, typer.Option(help="A .gguf file; default: the packaged one.")] = None,
    vllm_python: Annotated[Path, typer.Option(envvar="VLLM_PYTHON")] = _PYTHON,
    llama_python: Annotated[Path, typer.Option(envvar="LLAMA_PYTHON")] = _PYTHON,
    transformers_python: Annotated[Path, typer.Option(envvar="TRANSFORMERS_PYTHON")] = _PYTHON,
    force: Annotated[bool, typer.Option("--force", help="Measure although the machine is busy.")] = False,
) -> None:
    """Tables of tokens/s, time to first token and inter-token latency, and which goals warung reaches."""
    machine.leave_when_told()
    plan = Plan(tuple(sorted(map(int, streams.split(",")))), tokens, repeats, probes)
    busy = machine.require_idle(force=force)
    gguf = (model or packaged_model()).absolute()
    work.mkdir(parents=True, exist_ok=True)
    places = Places(
        gguf=gguf,
        fp32=fp32_folder(gguf, work.absolute()),
        work=work.absolute(),
        most_streams=max(plan.streams),
        vllm_python=vllm_python.absolute(),
        llama_python=llama_python.absolute(),
        transformers_python=transformers_python.absolute(),
    )
    subjects = _chosen([*servers(places), *LIBRARIES], names)
    _convert_once(places)
    results = [_measure(subject, plan, places) for subject in subjects]
    date = datetime.now(UTC).date().isoformat()
    report = Report(date, machine.describe(), tokens, repeats, busy, results)
    show(report, page.console())
    if json_file:
        json_file.write_text(json.dumps(asdict(report), indent=1), "utf-8")
    if markdown_page:
        _PAGE.write_text(markdown(report), "utf-8")


def _chosen(subjects: list[Server | Bare], names: str) -> list[Server | Bare]:
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = [subject.name for subject in subjects]
    if unknown := [name for name in wanted if name not in known]:
        sys.exit(f"--servers: {', '.join(unknown)} is unknown; there are {', '.join(known)}")
    return [subject for subject in subjects if not wanted or subject.name in wanted]


def _convert_once(places: Places) -> None:
    """Make the fp32 weights, in a process of its own: its memory must not stay with the client."""
    if is_converted(places.fp32):
        return
    console.print(f"Converting {places.gguf.name} to fp32 ...")
    command = [sys.executable, "-m", "benchmarks.weights", str(places.gguf), str(places.fp32)]
    subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603 - a program of this folder


def _measure(subject: Server | Bare, plan: Plan, places: Places) -> Result:
    console.print(f"Measuring {subject.title} ...")
    if isinstance(subject, Server):
        result = try_server(subject, plan, places.work)
    else:
        result = try_bare(subject, places.gguf if subject.reads_gguf else places.fp32, plan)
    if result.problem:
        console.print(f"[yellow]{subject.title}:[/] {result.problem}", markup=True, soft_wrap=True)
    return result


if __name__ == "__main__":
    typer.run(main)
