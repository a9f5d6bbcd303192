import json
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from warung.engine.engine import EngineUnavailable
from warung.engine.loader import ModelFormat, ModelSource
from warung.engine.weights import available_memory_bytes, fetch, fingerprint, require_memory, size_bytes

GIB = 2**30
SESAME = "hf_sesame"
NOWHERE = ModelSource("warung-test-nobody/no-such-model", ModelFormat.HUB)


@dataclass
class Hub:
    """A hub on loopback that refuses everything in one way."""

    status: int
    code: str
    url: str = ""
    tokens: list[str | None] = field(default_factory=list[str | None])


@contextmanager
def hub(status: int, code: str = "") -> Generator[Hub]:
    answer = Hub(status, code)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer.tokens.append(self.headers.get("Authorization"))
            self.send_response(answer.status)
            self.send_header("X-Error-Code", answer.code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        answer.url = f"http://127.0.0.1:{server.server_port}"
        yield answer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def library(**files: bytes) -> Generator[str]:
    """The URL of a hub on loopback that holds these files of owner/model, in the form that its client reads
    (Hugging Face Hub API: /api/models/<id> and /<id>/resolve/<revision>/<file>)."""
    names = {name.replace("__", "."): data for name, data in files.items()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = b""
            if "/tree/" in self.path:
                tree = [
                    {"type": "file", "path": name, "size": len(one), "oid": "a" * 40}
                    for name, one in names.items()
                ]
                data = json.dumps(tree).encode()
            elif self.path.startswith("/api/models/owner/model"):
                siblings = [{"rfilename": name} for name in names]
                data = json.dumps({"id": "owner/model", "sha": "c" * 40, "siblings": siblings}).encode()
            elif "/resolve/" in self.path:
                data = names[self.path.rsplit("/", 1)[1]]
            self.send_response(200)
            self.send_header("X-Repo-Commit", "c" * 40)
            self.send_header("ETag", f'"{len(data)}"')
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        do_HEAD = do_GET  # noqa: N815  the server's own way to name methods

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_one_file_of_a_hub_is_fetched_once_and_kept(tmp_path: Path) -> None:
    source = ModelSource.parse("owner/model/small.gguf")
    with library(small__gguf=b"small", large__gguf=b"large") as url:
        path = fetch(source, token=None, endpoint=url, cache=tmp_path)
        assert path.read_bytes() == b"small"
    assert [file.read_bytes() for file in tmp_path.rglob("*.gguf")] == [b"small"]
    assert fetch(source, token=None, endpoint=url, cache=tmp_path, silence_seconds=1) == path


@pytest.mark.parametrize("name", ["owner/model", "owner/model/huge.gguf"])
def test_a_repository_of_files_tells_which_may_be_named(tmp_path: Path, name: str) -> None:
    with library(small__gguf=b"", large__gguf=b"") as url, pytest.raises(EngineUnavailable) as caught:
        fetch(ModelSource.parse(name), token=None, endpoint=url, cache=tmp_path)
    assert caught.value.message.endswith("name one of owner/model/small.gguf, owner/model/large.gguf")


def test_a_folder_of_a_hub(tmp_path: Path) -> None:
    with library(config__json=b"{}", small__gguf=b"small") as url:
        folder = fetch(ModelSource.parse("owner/model"), token=None, endpoint=url, cache=tmp_path)
    assert [file.name for file in folder.iterdir()] == ["config.json"]


def refusal(endpoint: str, source: ModelSource = NOWHERE, *, silence_seconds: float = 20) -> str:
    with pytest.raises(EngineUnavailable) as caught:
        fetch(source, token=SESAME, endpoint=endpoint, silence_seconds=silence_seconds)
    assert "\n" not in caught.value.message
    assert SESAME not in caught.value.message
    assert source.name in caught.value.message
    return caught.value.message


def test_what_lies_here_is_not_looked_for_elsewhere(tmp_path: Path) -> None:
    assert fetch(ModelSource("m", ModelFormat.FOLDER, tmp_path), token=None) == tmp_path


def test_a_hub_that_nobody_answers_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "check the network" in refusal(f"http://127.0.0.1:{port}")


def test_a_hub_that_accepts_and_keeps_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "check the network" in refusal(endpoint, silence_seconds=0.2)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "GatedRepo", "is gated"),
        (404, "RepoNotFound", "is not on the hub"),
        (401, "", "is not on the hub, or is private"),
        (500, "", "check the network"),
    ],
)
def test_a_hub_that_refuses(status: int, code: str, said: str) -> None:
    with hub(status, code) as refusing:
        assert said in refusal(refusing.url)
    assert set(refusing.tokens) == {f"Bearer {SESAME}"}


def test_a_name_that_the_hub_could_not_have() -> None:
    assert "owner/model" in refusal("http://127.0.0.1:9", ModelSource("a--b/c", ModelFormat.HUB))


def test_a_model_fits_or_is_refused_before_it_is_loaded() -> None:
    require_memory("small", 2 * GIB, 2 * GIB)
    with pytest.raises(EngineUnavailable, match=r"^model large needs about 2\.5 GiB .* 2\.0 GiB are free"):
        require_memory("large", int(2.5 * GIB), 2 * GIB)


def test_size_counts_every_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "b").write_bytes(b"4567")
    assert size_bytes(tmp_path.iterdir()) == 7
    assert size_bytes([]) == 0


def container(folder: Path, limit: str, used: int, *, cached: int) -> Path:
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 1\nactive_file {cached}\ninactive_file 0\nshmem 0\n")
    return folder


def test_a_container_has_what_its_limit_leaves(tmp_path: Path) -> None:
    assert available_memory_bytes(container(tmp_path, "1000000", 400_000, cached=0)) == 600_000


def test_files_in_the_cache_of_a_container_take_no_memory_from_a_model(tmp_path: Path) -> None:
    assert available_memory_bytes(container(tmp_path, "1000000", 990_000, cached=590_000)) == 600_000


@pytest.mark.parametrize("limit", ["max", "", str(2**60)])
def test_a_container_without_a_limit_has_the_whole_machine(tmp_path: Path, limit: str) -> None:
    folder = container(tmp_path, limit, 0, cached=0)
    assert GIB // 8 < available_memory_bytes(folder) <= psutil.virtual_memory().total


def test_a_machine_without_control_groups(tmp_path: Path) -> None:
    assert GIB // 8 < available_memory_bytes(tmp_path / "absent") <= psutil.virtual_memory().total


def test_weights_are_named_by_what_they_are_and_not_by_where_they_lie(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for name in ("a", "b"):
            (tmp_path / folder / name).write_bytes(bytes(200_000))
    one, two = (
        [tmp_path / folder / name for name in order] for folder, order in (("one", "ab"), ("two", "ba"))
    )
    assert fingerprint("pytest", one) == fingerprint("pytest", two)


def _changed(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.write(b"x")


def _changed_at_its_end(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1] + b"x")


def _longer(file: Path) -> None:
    file.write_bytes(bytes(200_001))


def _renamed(file: Path) -> None:
    file.rename(file.with_name("c"))


@pytest.mark.parametrize("change", [_changed, _changed_at_its_end, _longer, _renamed, Path.unlink])
def test_other_weights_have_another_name(tmp_path: Path, change: Callable[[Path], None]) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(bytes(200_000))
    before = fingerprint("pytest", tmp_path.iterdir())
    change(tmp_path / "b")
    assert fingerprint("pytest", tmp_path.iterdir()) != before


def test_another_library_has_another_name_for_the_same_weights(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"weights")
    assert fingerprint("pytest", [tmp_path / "a"]) != fingerprint("ruff", [tmp_path / "a"])
