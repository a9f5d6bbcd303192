"""A model's files on this machine, and whether they fit into its memory."""

# The hub client's types are incomplete.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from huggingface_hub import HfApi
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
)

from warung.engine.engine import EngineUnavailable
from warung.engine.loader import ModelSource

_END_BYTES = 64 * 1024
_MOST_CHOICES = 20
_CGROUP = Path("/sys/fs/cgroup")
_HUB_FILES = [
    "*.safetensors",
    "*.json",
    "*.txt",
    "*.model",
    "*.jinja",
    "*.py",
    "openvino_*.bin",
    "openvino_*.xml",
]


def fetch(
    source: ModelSource,
    *,
    token: str | None,
    endpoint: str | None = None,
    cache: Path | None = None,
    silence_seconds: float = 20,
) -> Path:
    """The model's files on this machine, downloaded to the `cache`, by default the hub's own, if need be.

    `endpoint` is another hub's URL. Raises EngineUnavailable with one line when the hub can't be reached, is
    silent for longer than `silence_seconds`, or won't give the model.
    """
    if source.path:
        return source.path
    hub, repository = HfApi(endpoint=endpoint, token=token), source.repository or source.name
    problem: Exception | None = None
    offered: list[str] = []
    try:
        info = hub.model_info(repository, timeout=silence_seconds)  # the download would wait for ever
        offered = [one.rfilename for one in info.siblings or ()]
    except Exception as error:  # those of the hub's client, of its transport and of the disk are unrelated
        problem = error
    if offered:
        _require_offered(source, offered)
    where: dict[str, Any] = {"cache_dir": cache, "local_files_only": problem is not None}
    try:
        if source.file:
            return Path(hub.hf_hub_download(repository, source.file, **where))
        return Path(hub.snapshot_download(repository, allow_patterns=_HUB_FILES, **where))
    except Exception as error:
        raise EngineUnavailable(f"model {source.name} {_reason(problem or error)}") from error


def _require_offered(source: ModelSource, offered: Sequence[str]) -> None:
    """Raises EngineUnavailable, with what could be named instead, when the repository lacks the model."""
    files = [name for name in offered if name.endswith(".gguf")]
    if source.file in offered or not (source.file or files) or (not source.file and "config.json" in offered):
        return
    repository = source.repository or source.name
    problem = f"has no file {source.file}" if source.file else "has no config.json"
    choices = ", ".join(f"{repository}/{name}" for name in files[:_MOST_CHOICES])
    raise EngineUnavailable(f"model {repository} {problem}" + (f": name one of {choices}" if choices else ""))


def _reason(problem: Exception) -> str:
    if isinstance(problem, HFValidationError):
        return "can't be a hub's: a name there has the form owner/model"
    if isinstance(problem, GatedRepoError):
        return "is gated: accept its licence on the hub and set HF_TOKEN"
    unauthorized = isinstance(problem, HfHubHTTPError) and problem.response.status_code == 401
    if unauthorized or isinstance(problem, RepositoryNotFoundError):
        return "is not on the hub, or is private and HF_TOKEN doesn't open it"
    return (
        f"could not be downloaded ({type(problem).__name__}): check the network, or set MODEL_REPO_ID to a"
        " local path"
    )


def available_memory_bytes(cgroup: Path = _CGROUP) -> int:
    """Memory a new model may take: what the machine has free, or the container's limit if that is less."""
    free = psutil.virtual_memory().available
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
        counts = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        # The files read lately, such as a model just downloaded, count as used and give way at need.
        cached = int(counts["active_file"]) + int(counts["inactive_file"])
    except (OSError, ValueError, KeyError):
        return free
    return min(free, limit - used + cached)


def require_memory(name: str, needed_bytes: int, available_bytes: int) -> None:
    """Raises EngineUnavailable when a model can't fit, before the system kills the process for it."""
    if needed_bytes > available_bytes:
        raise EngineUnavailable(
            f"model {name} needs about {needed_bytes / 2**30:.1f} GiB of memory and"
            f" {available_bytes / 2**30:.1f} GiB are free: set MODEL_REPO_ID to a smaller or quantised model"
        )


def size_bytes(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def fingerprint(library: str, files: Iterable[Path]) -> str:
    """Names the weights in `files` and the installed `library` that runs them: where it differs, an answer
    would go on otherwise. Reads the beginnings and ends alone: a header names every tensor, and whole files
    would take minutes."""
    digest = blake2b(f"{library} {version(library)}\n".encode(), digest_size=16)
    for file in sorted(files):
        size = file.stat().st_size
        digest.update(f"{file.name} {size}\n".encode())
        with file.open("rb") as opened:
            digest.update(opened.read(_END_BYTES))
            opened.seek(max(0, size - _END_BYTES))
            digest.update(opened.read())
    return digest.hexdigest()
