"""The command as an operator runs it: real processes, ended by real signals."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import pytest

import warung
from warung.cli import listen
from warung.settings import Settings

_OPEN = re.compile(r"warung is open on (http://\S+)")
ASKED = {"message": "laptop Jakarta budget 10 juta", "location": "-6.2,106.8"}


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """This process's environment without settings, but for those given; the data lies in `folder`."""
    names = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in names}
    source = str(Path(warung.__file__).parents[1])
    return {**kept, "PYTHONPATH": source, "DATA_DIR": str(folder / "data"), "ENGINE": "scripted", **settings}


def run(folder: Path, *arguments: str, typed: str = "", **settings: str) -> tuple[int, str]:
    """(exit status, what it wrote) of a command that ends by itself; `typed` is its standard input."""
    done = subprocess.run(
        [sys.executable, "-m", "warung", *arguments],
        cwd=folder,
        env=environment(folder, **settings),
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@contextmanager
def running(folder: Path, *arguments: str, **settings: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """A server and its URL; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "warung", *arguments],
        cwd=folder,
        env=environment(folder, **settings),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr
        yield process, _url_in(process.stderr)
    finally:
        process.kill()
        process.communicate(timeout=20)


def _url_in(output: IO[str]) -> str:
    read = ""
    for line in output:
        read += line
        if found := _OPEN.search(line):
            return found[1]
    pytest.fail(f"the server never opened:\n{read}")


def row_counts(folder: Path) -> dict[str, int]:
    with sqlite3.connect(folder / "data/warung.db") as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        counts = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}  # noqa: S608
    connection.close()
    return counts


@pytest.fixture
def folder(seeded_folder: Path, tmp_path: Path) -> Path:
    """A folder whose data folder is a seeded shop's."""

    shutil.copytree(seeded_folder, tmp_path / "data")
    return tmp_path


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def one_line(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    assert len(lines) == 1, output
    return lines[0]


def test_reindex_makes_the_index_anew_unless_another_has_it(tmp_path: Path) -> None:
    assert run(tmp_path, "reindex")[0] == 2
    assert run(tmp_path, "migrate")[0] == 0
    status, output = run(tmp_path, "reindex")
    assert (status, output.splitlines()[-1]) == (0, "The index holds 0 products.")
    with running(tmp_path, "serve", "--port", "0", ENGINE="scripted") as (_, url):
        httpx.get(f"{url}/health", trust_env=False)
        status, output = run(tmp_path, "reindex")
    assert status == 2
    assert output.splitlines()[-1] == (
        "warung: another process uses this search index: stop the server first"
    )


def test_migrate_and_seed_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    status, output = run(tmp_path, "seed")
    assert (status, one_line(output)) == (
        2,
        "warung: the database is not up to date: run 'warung migrate' first",
    )
    assert not (tmp_path / "data/warung.db").exists()
    assert run(tmp_path, "migrate") == (0, "The database is up to date.\n")
    empty = row_counts(tmp_path)
    assert (empty["products"], empty["suppliers"]) == (0, 0)
    status, first = run(tmp_path, "seed")
    assert status == 0
    seeded = row_counts(tmp_path)
    assert seeded["products"] >= 2000
    assert seeded["suppliers"] >= 150
    assert seeded["product_changes"] >= 2000
    assert f"Added {seeded['suppliers']} suppliers and {seeded['products']} products; 0 were" in first
    assert run(tmp_path, "migrate")[0] == 0
    status, second = run(tmp_path, "seed")
    assert status == 0
    assert f"Added 0 suppliers and 0 products; {seeded['suppliers'] + seeded['products']} were" in second
    assert row_counts(tmp_path) == seeded


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "run 'warung migrate' first"),
        ({"PORT": "abc"}, "PORT='abc': "),
        ({"PORT": "abc", "DATA_DIR": "/dev/null/x"}, "PORT='abc': "),
        ({"API_KEYS": "a", "ENGINE": "[bold]llama[/]"}, "ENGINE='[bold]llama[/]': "),
        ({"DATABASE_URL": "foo"}, "warung: DATABASE_URL: not an SQLAlchemy URL"),
        ({"DATA_DIR": "/dev/null/x"}, "warung: DATA_DIR=/dev/null/x: Not a directory"),
        ({"DATA_DIR": "/proc"}, "warung: DATA_DIR=/proc: "),
    ],
)
def test_serve_refuses_in_one_line(tmp_path: Path, settings: dict[str, str], words: str) -> None:
    status, output = run(tmp_path, "serve", **settings)
    assert status == 2
    assert words in one_line(output)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["/no/such.gguf", "./[/no]/such.gguf", "a b c", "/dev"])
def test_a_model_that_is_not_there_is_one_line(folder: Path, name: str) -> None:
    status, output = run(folder, "serve", "--port", "0", ENGINE="auto", MODEL_REPO_ID=name)
    assert status == 2
    assert one_line(output).startswith("warung: MODEL_REPO_ID: ")
    assert name in output


def test_a_port_that_is_taken_is_one_line(folder: Path, taken_port: int) -> None:
    status, output = run(folder, "serve", "--port", str(taken_port))
    assert status == 2
    assert f"can't listen on 127.0.0.1 port {taken_port} (Address already in use)" in one_line(output)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"PERSIST_SESSIONS": "1", "SESSIONS_DB_PATH": "data/warung.db"},
            "SESSIONS_DB_PATH: the file is another",
        ),
        ({"PERSIST_SESSIONS": "1", "SESSIONS_DB_PATH": "data"}, "SESSIONS_DB_PATH: the file can't be opened"),
        ({"REDIS_URL": "http://cache"}, "REDIS_URL"),
    ],
)
def test_streams_that_cannot_be_kept_are_one_line(folder: Path, settings: dict[str, str], words: str) -> None:
    status, output = run(folder, "serve", "--port", "0", **settings)
    *_, last = [line for line in output.splitlines() if line.strip()]
    assert (status, words in last) == (2, True), output


def test_a_data_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, output = run(tmp_path, "migrate", DATA_DIR=str(tmp_path / "file/data"))
    assert (status, one_line(output)) == (2, f"warung: DATA_DIR={tmp_path}/file/data: Not a directory")


def test_the_demo_serves_everything_and_ends_when_told(tmp_path: Path) -> None:
    with running(tmp_path, "demo", "--port", "0") as (process, url), httpx.Client(base_url=url) as client:
        assert url.startswith("http://127.0.0.1:")
        assert client.get("/health").json()["ok"] is True
        assert "<html" in client.get("/").text
        found = client.get("/api/products/search", params={"q": "laptop", "location": "-6.2,106.8"}).json()
        assert found["products"]
        assert all("laptop" in product["category"] for product in found["products"])
        answer = client.post("/api/chat", json=ASKED, timeout=20).json()
        assert answer["products"]
        assert all(product["price"] <= 10_000_000 for product in answer["products"])
        assert answer["answer"]
        lines = client.post("/api/chat", json={**ASKED, "stream": True}, timeout=20).text.splitlines()
        assert (lines[0], lines[-2]) == (": ping", "data: [DONE]")
        process.terminate()
        assert process.wait(timeout=15) == 0
        with pytest.raises(httpx.ConnectError):
            client.get("/health")


def test_the_demo_leaves_the_model_to_other_servers_when_there_are_any(folder: Path) -> None:
    settings = {"ENGINE": "auto", "UPSTREAM_URL": "http://127.0.0.1:9"}
    with running(folder, "demo", "--port", "0", **settings) as (_, url), httpx.Client(base_url=url) as client:
        health = client.get("/health").json()
        assert (health["modelId"], health["modelReady"]) == ("unsloth/Qwen3-4B-Instruct-2507", False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_still_streams_ends_its_streams_and_then_itself(
    folder: Path, number: signal.Signals
) -> None:
    with (
        running(folder, "serve", "--port", "0", SESSION_EVENTS="100000", STOP_WITHIN_SECONDS="0") as (
            process,
            url,
        ),
        httpx.Client(base_url=url) as client,
    ):
        text = "x" * 16_000
        body = {"model": "scripted", "messages": [{"role": "user", "content": text}], "max_tokens": 16_000}
        with client.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as response:
            pieces = response.iter_raw()
            assert next(pieces).startswith(b": ping\n")
            process.send_signal(number)
            told_at = time.monotonic()
            *_, failure, done = b"".join(pieces).split(b"\n\n")[:-1]
        assert json.loads(failure.partition(b"data: ")[2])["error"]["code"] == "server_stopping"
        assert done.endswith(b"data: [DONE]")
        assert process.wait(timeout=15) == 0
        assert time.monotonic() - told_at < 5


def test_a_killed_server_starts_again_on_the_same_folder(folder: Path) -> None:
    with running(folder, "serve", "--port", "0") as (process, url):
        first = httpx.post(f"{url}/api/chat", json=ASKED, timeout=20).json()
        process.kill()
        assert process.wait(timeout=10) == -signal.SIGKILL
    with running(folder, "serve", "--port", "0") as (process, url):
        again = httpx.post(f"{url}/api/chat", json=ASKED, timeout=20).json()
        assert [product["id"] for product in again["products"]] == [
            product["id"] for product in first["products"]
        ]
        assert httpx.get(f"{url}/health").status_code == 200
    assert row_counts(folder)["conversations"] == 2


def test_a_hub_that_cannot_be_reached(folder: Path) -> None:
    settings = {
        "ENGINE": "transformers",
        "MODEL_REPO_ID": "someone/none",
        "HF_ENDPOINT": f"http://127.0.0.1:{_free_port()}",  # nobody listens there
        "HF_HOME": str(folder / "hub"),
    }
    with running(folder, "serve", "--port", "0", **settings) as (process, url):
        assert httpx.get(f"{url}/health").json()["status"] == "idle"
        body = {"model": "someone/none", "messages": [{"role": "user", "content": "Halo"}]}
        refused = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=60)
        assert refused.status_code == 503
        message = refused.json()["error"]["message"]
        assert message.startswith("model someone/none could not be downloaded")
        assert "\n" not in message
        health = httpx.get(f"{url}/health")
        assert (health.status_code, health.json()["error"]) == (503, message)
        # The shopper still gets the products.
        answer = httpx.post(f"{url}/api/chat", json=ASKED, timeout=20).json()
        assert answer["products"]
        process.terminate()
        assert process.wait(timeout=15) == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_log_lines_are_json_when_nobody_watches(folder: Path) -> None:
    with running(folder, "serve", "--port", "0") as (process, url):
        httpx.get(f"{url}/health", headers={"X-Request-Id": "seen"})
        process.terminate()
        _, output = process.communicate(timeout=15)
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["status"] for line in lines if line.get("request_id") == "seen"] == [200]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_small_packets_are_sent_at_once_and_little_is_kept_for_who_does_not_read(host: str) -> None:
    with listen(host, 0) as listener, socket.create_connection(listener.getsockname()[:2]):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 64 * 1024


def test_operators_are_made_and_unmade_at_the_command_line(tmp_path: Path) -> None:
    status, output = run(tmp_path, "operators", "list")
    assert (status, "run 'warung migrate' first" in one_line(output)) == (2, True)
    run(tmp_path, "migrate")
    status, output = run(tmp_path, "operators", "add", "Boss@Example.com", typed="kopi tubruk 7\n")
    assert (status, one_line(output)) == (0, "boss@example.com is an operator.")
    assert run(tmp_path, "operators", "list") == (0, "boss@example.com\n")
    with running(tmp_path, "serve", "--port", "0") as (_, url):
        sign_in = {"email": "boss@example.com", "password": "kopi tubruk 7"}
        token = httpx.post(f"{url}/api/auth/login", json=sign_in).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"{url}/api/users", headers=headers).status_code == 200
        status, output = run(tmp_path, "operators", "remove", "boss@example.com")
        assert (status, one_line(output)) == (0, "boss@example.com is no operator any more.")
        assert httpx.get(f"{url}/api/users", headers=headers).status_code == 403
    assert run(tmp_path, "operators", "list") == (0, "")


@pytest.mark.parametrize(
    ("arguments", "typed", "says"),
    [
        (("add", "boss"), "kopi tubruk 7\n", "email: "),
        (("add", "boss@example.com"), "short\n", "8 to 256 characters"),
        (("add", "boss@example.com"), "", "8 to 256 characters"),
        (("remove", "boss@example.com"), "", "no account with the e-mail boss@example.com"),
    ],
)
def test_an_operator_that_can_not_be_is_refused_in_one_line(
    folder: Path, arguments: tuple[str, ...], typed: str, says: str
) -> None:
    status, output = run(folder, "operators", *arguments, typed=typed)
    assert status == 2
    assert says in one_line(output)


def test_help_lists_the_commands(tmp_path: Path) -> None:
    status, output = run(tmp_path, "--help")
    assert status == 0
    assert [
        name
        for name in ("serve", "migrate", "seed", "import", "export", "demo", "operators")
        if f" {name} " not in output
    ] == []


SHEET = "sku,name,price,stock_quantity,category\nA,=Tas,Rp 1.500.000,3,tas\nB,[bold]Topi,1,1,tas\n"


def test_a_file_is_imported_and_exported(folder: Path) -> None:
    (folder / "sheet.csv").write_text(SHEET)
    before = row_counts(folder)
    dry = run(folder, "import", "sheet.csv", "--supplier", "1", "--dry-run")
    assert (dry[0], "Would have added 2 products, changed 0; 0 were" in dry[1]) == (0, True), dry
    assert row_counts(folder) == before
    assert run(folder, "import", "sheet.csv", "--supplier", "1")[0] == 0
    assert row_counts(folder)["products"] == before["products"] + 2
    assert run(folder, "export", "--supplier", "1", "-o", "copy.jsonl")[0] == 0
    last = json.loads((folder / "copy.jsonl").read_text().splitlines()[-2])
    assert (last["sku"], last["name"], last["price"]) == ("A", "=Tas", 1_500_000)
    status, printed = run(folder, "export", "--supplier", "1")
    assert (status, "A,'=Tas,,1500000,3,tas," in printed) == (0, True), printed


def test_rows_that_are_refused_are_told_and_make_the_status_1(folder: Path) -> None:
    (folder / "sheet.csv").write_text(SHEET + "A,Peci,1,1,tas\nC,[red]Peci,1.5,1,tas\n")
    status, told = run(folder, "import", "sheet.csv", "--supplier", "1")
    assert status == 1
    assert "line 4, sku: the SKU is also on line 2, which is kept; leave out line 2 or line 4" in told
    assert "line 5, price: '1.5' is not a whole number; write whole rupiah" in told
    assert "Added 2 products, changed 0; 0 were the same already, 2 rows were refused." in told
    status, told = run(folder, "import", "sheet.csv", "--supplier", "99999")
    assert (status, told.splitlines()[-1]) == (2, "warung: there is no supplier 99999")
