"""Files that come slowly, break off or come at once with others: over sockets, to a real server."""

import json
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import httpx
import pytest

from live import serving
from marketplace import new_database, shop_settings
from stalls import STALL, Headers, bearer
from warung.app import create_app
from warung.exchange.service import BATCH

HEADER = b"sku,name,price,stock_quantity,category\n"
AT_ONCE = 4


@pytest.fixture
def url(tmp_path: Path) -> Generator[str]:
    new_database(tmp_path).close()
    with serving(create_app(shop_settings(tmp_path, max_import_bytes=100_000))) as url:
        yield url


@pytest.fixture
def key(url: str) -> Headers:
    return bearer(httpx.post(f"{url}/api/suppliers/register", json=STALL).json()["key"])


class Upload:
    """A request whose body is sent piece by piece."""

    def __init__(self, connection: socket.socket, answer: IO[bytes]) -> None:
        self._connection = connection
        self._answer = answer

    def send(self, piece: bytes) -> None:
        """An empty piece is the last one (RFC 9112, section 7.1)."""
        self._connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))

    def head(self) -> bytes:
        lines = iter(self._answer.readline, b"\r\n")
        return b"".join(lines)

    def line(self) -> dict[str, dict[str, object]]:
        """The next line of the body, which comes as a chunk of its own."""
        size = int(self._answer.readline(), 16)
        told = self._answer.read(size)
        self._answer.readline()
        return json.loads(told)

    def rest(self) -> bytes:
        return self._answer.read()


@contextmanager
def upload(url: str, key: Headers, accept: str = "application/x-ndjson") -> Generator[Upload]:
    address = urlsplit(url)
    assert address.hostname
    assert address.port
    fields = {
        "Host": "warung",
        "Content-Type": "text/csv",
        "Transfer-Encoding": "chunked",
        "Accept": accept,
        "Connection": "close",
        **key,
    }
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        connection.sendall(f"POST /api/products/import HTTP/1.1\r\n{lines}\r\n".encode())
        with connection.makefile("rb") as answer:
            yield Upload(connection, answer)


def rows(first: int, count: int) -> bytes:
    return b"".join(b"%d,Tas,1,1,tas\n" % number for number in range(first, first + count))


def in_stock(url: str, key: Headers) -> int:
    return httpx.get(f"{url}/api/products/export", headers=key).text.count("\n") - 1


def test_what_has_come_is_stored_and_told_while_the_rest_is_awaited(url: str, key: Headers) -> None:
    with upload(url, key) as file:
        file.send(HEADER + rows(0, BATCH))
        file.send(rows(BATCH, 1))
        assert b" 200 " in file.head()
        assert file.line()["progress"]["added"] == BATCH
        assert in_stock(url, key) == BATCH
        file.send(rows(BATCH + 1, 1))
        file.send(b"")
        assert file.line()["progress"]["added"] == BATCH + 2
        assert file.line()["report"]["added"] == BATCH + 2


def test_a_file_that_breaks_off_leaves_what_is_stored_and_a_server_that_goes_on(
    url: str, key: Headers
) -> None:
    with upload(url, key) as file:
        file.send(HEADER + rows(0, BATCH + 1))
        file.head()
        file.line()
    body = HEADER + rows(0, BATCH + 1)
    again = httpx.post(f"{url}/api/products/import", content=body, headers=key | {"Content-Type": "text/csv"})
    assert (again.json()["added"], again.json()["unchanged"]) == (1, BATCH)


def test_a_file_that_turns_out_too_large_is_told(url: str, key: Headers) -> None:
    with upload(url, key, "application/json") as file:
        file.send(HEADER + b" " * 100_000)
        assert b" 413 " in file.head()
        assert b"must not exceed 100000 bytes" in file.rest()
    with upload(url, key) as file:
        file.send(HEADER + rows(0, BATCH))
        assert b" 200 " in file.head()
        assert file.line()["progress"]["added"] == BATCH
        file.send(b" " * 100_000)
        assert file.line()["error"] == {"status": 413, "detail": "the body must not exceed 100000 bytes"}


def test_only_some_files_are_read_at_once(url: str, key: Headers) -> None:
    with upload(url, key) as a, upload(url, key) as b, upload(url, key) as c, upload(url, key) as d:
        files = (a, b, c, d)
        for number, file in enumerate(files):
            file.send(HEADER + rows(number * BATCH, BATCH + 1))
            assert b" 200 " in file.head()
            file.line()
        headers = key | {"Content-Type": "text/csv"}
        refused = httpx.post(f"{url}/api/products/import", content=HEADER, headers=headers)
        assert (refused.status_code, "retry-after" in refused.headers) == (429, True)
        assert in_stock(url, key) == AT_ONCE * BATCH
        for file in files:
            file.send(b"")
            file.line()
            assert "report" in file.line()
    done = httpx.post(f"{url}/api/products/import", content=HEADER, headers=headers)
    assert done.status_code == 200
