"""A model's files on this machine, and whether they fit into its memory."""

# The hub client's types are incomplete.
# pyright: reportUnknownVariableType=false

from collections.abc import Iterable
from pathlib import Path

import psutil
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from warung.engine.engine import EngineUnavailable
from warung.engine.loader import ModelSource

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


def fetch(source: ModelSource, *, token: str | None) -> Path:
    """The model's files on this machine, downloaded to the hub's own cache first if need be.

    Raises EngineUnavailable with one line when the hub can't be reached or won't give the model.
    """
    if source.path:
        return source.path

    try:
        return Path(snapshot_download(source.name, token=token, allow_patterns=_HUB_FILES))
    except GatedRepoError:
        reason = "is gated: accept its licence on the hub and set HF_TOKEN"
    except RepositoryNotFoundError:
        reason = "is not on the hub, or is private and HF_TOKEN doesn't open it"
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        reason = (
            f"could not be downloaded ({type(error).__name__}): check the network, or set MODEL_REPO_ID to a"
            " local path"
        )
    raise EngineUnavailable(f"model {source.name} {reason}")


def available_memory_bytes() -> int:
    """Memory a new model may take: what the machine has free, or the container's limit if that is less."""
    free = psutil.virtual_memory().available
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return free
    return min(free, limit - used)


def require_memory(name: str, needed_bytes: int, available_bytes: int) -> None:
    """Raises EngineUnavailable when a model can't fit, before the system kills the process for it."""
    if needed_bytes > available_bytes:
        raise EngineUnavailable(
            f"model {name} needs about {needed_bytes / 2**30:.1f} GiB of memory and"
            f" {available_bytes / 2**30:.1f} GiB are free: set MODEL_REPO_ID to a smaller or quantised model"
        )


def size_bytes(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)
