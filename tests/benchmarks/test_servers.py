"""Starting and stopping a server of its own, with plain Python servers instead of model servers."""

import sys
from pathlib import Path

import httpx
import psutil
import pytest

from benchmarks.servers import NotStarted, Server, started
from benchmarks.trial import Plan, try_server, versions


def server(*command: str, packages: tuple[str, ...] = ("httpx",)) -> Server:
    """`{port}` in the command becomes the port."""
    return Server(
        name="toy",
        title="a toy",
        weights="none",
        model="toy",
        python=Path(sys.executable),
        packages=packages,
        install="pip install toy",
        command=lambda port: [sys.executable, *(part.format(port=port) for part in command)],
        health="/",
    )


def test_a_started_server_answers_and_is_gone_afterwards(tmp_path: Path) -> None:
    with started(server("-m", "http.server", "{port}", "--bind", "127.0.0.1"), tmp_path) as running:
        assert httpx.get(running.url).is_success
        assert running.rss_mb() > 1
        pid = running.process.pid
    assert not psutil.pid_exists(pid)


def test_a_server_that_dies_shows_its_last_words(tmp_path: Path) -> None:
    with (
        pytest.raises(NotStarted, match=r"status 3.*no model"),
        started(server("-c", "import sys; print('no model', flush=True); sys.exit(3)"), tmp_path),
    ):
        pass


def test_a_missing_package_is_a_result_with_the_way_to_install_it(tmp_path: Path) -> None:
    toy = server("-c", "", packages=("no-such-package-here",))
    result = try_server(toy, Plan((1,), 4, 1, probes=False), tmp_path)
    assert result.problem == "not installed: pip install toy"
    assert not result.figures


def test_versions_come_from_that_environment() -> None:
    assert versions(Path(sys.executable), ["httpx"]) == {"httpx": httpx.__version__}
    assert versions(Path("/nowhere/python"), ["httpx"]) == {}
