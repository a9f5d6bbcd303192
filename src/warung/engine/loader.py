"""What MODEL_REPO_ID names, and which engine can run it; touches no model library."""

import importlib.util
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from warung.errors import InvalidInput

_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_HUB_FILE = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)/(?P<file>([\w.-]+/)*[\w.-]+\.gguf)")
_OPENVINO_MODEL = "openvino_model.xml"
# A quantised OpenVINO repository says so in its name; nothing else does before the download.
_OPENVINO_HUB_ID = re.compile(r"^OpenVINO/|-ov$")


class EngineName(StrEnum):
    UPSTREAM = "upstream"
    TRANSFORMERS = "transformers"
    OPENVINO = "openvino"
    SCRIPTED = "scripted"


class ModelFormat(StrEnum):
    HUB = "hub"  # not here yet
    FOLDER = "folder"  # config.json and safetensors
    OPENVINO = "openvino"
    GGUF = "gguf"


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model by name: a hub id, one `file` of a hub's `repository`, or a `path` on this machine."""

    name: str
    format: ModelFormat
    path: Path | None = None
    repository: str = ""
    file: str = ""

    @classmethod
    def parse(cls, name: str) -> "ModelSource":
        """Raises InvalidInput for a path that isn't there or holds no model, and for what is neither."""
        try:
            path = Path(name).expanduser()
            is_file, is_folder = path.is_file(), path.is_dir()
        except (
            OSError,
            RuntimeError,
        ) as error:  # a name too long, a folder not ours, a home that isn't there
            reason = getattr(error, "strerror", error)
            raise _wrong(f"{name[:100]!r} can't be looked up: {reason}") from error
        if is_file and path.suffix == ".gguf":
            return cls(name, ModelFormat.GGUF, path)
        if is_folder:
            return cls(name, _folder_format(path), path)
        in_hub = _HUB_FILE.fullmatch(name)
        if in_hub and not is_file and not name.startswith((".", "~")):
            return cls(name, ModelFormat.GGUF, None, in_hub["repository"], in_hub["file"])
        if is_file or name.endswith(".gguf") or name.startswith(("/", "./", "../", "~")):
            raise _wrong(
                f"{name} is no folder and no .gguf file on this machine (on a hub: owner/model/file.gguf)"
            )
        if not _HUB_ID.fullmatch(name):
            raise _wrong(f"{name!r} is neither a hub id (owner/model) nor a path")
        return cls(name, ModelFormat.HUB)

    @property
    def public_name(self) -> str:
        """The name on the wire: the hub id, or the file's or folder's own name without its place."""
        if self.file:
            return Path(self.file).stem
        if self.path is None:
            return self.name
        return self.path.stem if self.format is ModelFormat.GGUF else self.path.resolve().name


def _folder_format(path: Path) -> ModelFormat:
    if (path / _OPENVINO_MODEL).exists():
        return ModelFormat.OPENVINO
    if (path / "config.json").exists():
        return ModelFormat.FOLDER
    raise _wrong(f"the folder {path} holds neither config.json nor {_OPENVINO_MODEL}")


def _wrong(problem: str) -> InvalidInput:
    return InvalidInput(f"MODEL_REPO_ID: {problem}", field="MODEL_REPO_ID")


def choose_engine(source: ModelSource, *, gpu: Path = Path("/dev/nvidiactl")) -> EngineName:
    """What ENGINE=auto means: OpenVINO for what it reads, on a machine without a GPU; else Transformers."""
    readable = source.format in {ModelFormat.GGUF, ModelFormat.OPENVINO} or (
        source.format is ModelFormat.HUB and _OPENVINO_HUB_ID.search(source.name)
    )
    if readable and not gpu.exists() and importlib.util.find_spec("openvino_genai"):
        return EngineName.OPENVINO
    return EngineName.TRANSFORMERS
