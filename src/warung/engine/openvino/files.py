"""What lies in a model's .gguf file or OpenVINO folder; runs nothing."""

# The file library carries no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
from pathlib import Path

import structlog
from gguf import GGUFReader

from warung.engine.engine import EngineUnavailable

log = structlog.get_logger(__name__)

_FOLDER_FILES = ("config.json", "openvino_tokenizer.xml", "openvino_detokenizer.xml")
_DEFAULT_CONTEXT = 4096
UNREADABLE = (RuntimeError, ValueError, KeyError, IndexError)
"""What OpenVINO and the file library raise at a file that they can't read."""


def require_whole(path: Path) -> None:
    """Raises EngineUnavailable for a folder that was exported without what answering needs."""
    missing = [] if path.is_file() else [name for name in _FOLDER_FILES if not (path / name).exists()]
    if missing:
        raise EngineUnavailable(
            f"the OpenVINO folder {path.name} lacks {', '.join(missing)}: export it with its tokenizer"
        )


def context_length(path: Path) -> int:
    """The model's own limit on prompt and answer together, in tokens."""
    if path.is_file():
        fields = GGUFReader(path).fields
        architecture = str(fields["general.architecture"].contents())
        return int(fields[f"{architecture}.context_length"].contents())
    config = json.loads((path / "config.json").read_text())
    return int(config.get("max_position_embeddings", _DEFAULT_CONTEXT))


def unreadable(name: str, error: Exception) -> EngineUnavailable:
    """What to raise for one of UNREADABLE, which is logged."""
    log.error("OpenVINO can't read the model", model=name, exc_info=error)
    return EngineUnavailable(f"OpenVINO can't read model {name}; the server's log has the details")
