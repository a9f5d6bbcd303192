from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest

from web.stall import Stall


def fetch(stall: Stall, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, str]:
    address = urlsplit(stall.url)
    connection = HTTPConnection(address.netloc, timeout=10)
    connection.request(
        method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response, body


def test_the_page_is_indonesian_and_may_run_nothing_inline(stall: Stall) -> None:
    response, body = fetch(stall, "/")
    policy = response.headers["Content-Security-Policy"]
    assert response.headers.get_content_type() == "text/html"
    assert '<html lang="id">' in body
    assert "default-src 'self'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert not [
        mark for mark in ("<style", " style=", "<script>", " onclick=", "http://", "//") if mark in body
    ]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("warung.js", "text/javascript"),
        ("stream.js", "text/javascript"),
        ("exchange.js", "text/javascript"),
        ("words.js", "text/javascript"),
        ("warung.css", "text/css"),
        ("ask.css", "text/css"),
        ("exchange.css", "text/css"),
        ("icons.svg", "image/svg+xml"),
        ("favicon.svg", "image/svg+xml"),
        ("categories.json", "application/json"),
    ],
)
def test_a_file_is_sent_with_its_type_and_only_when_it_changed(
    stall: Stall, name: str, media_type: str
) -> None:
    response, body = fetch(stall, f"/static/{name}")
    assert (response.status, response.headers.get_content_type()) == (200, media_type)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == ("max-age=3600" if name.endswith(".svg") else "no-cache")
    assert body
    etag = response.headers["ETag"]
    for known in (etag, f'"old", W/{etag}', "*"):
        unchanged, nothing = fetch(stall, f"/static/{name}", If_None_Match=known)
        assert (unchanged.status, nothing, unchanged.headers["ETag"]) == (304, "", etag)
    assert fetch(stall, f"/static/{name}", If_None_Match='"old"')[0].status == 200


def test_no_cache_between_keeps_the_page_that_brings_a_cookie(stall: Stall) -> None:
    response, _ = fetch(stall, "/")
    assert response.headers["Cache-Control"] == "private, no-cache"


def test_head_tells_the_length_without_the_page(stall: Stall) -> None:
    response, body = fetch(stall, "/", "HEAD")
    assert (response.status, body) == (200, "")
    assert int(response.headers["Content-Length"]) > 1000


@pytest.mark.parametrize(
    "path", ["/static/none.js", "/static/..%2fendpoints.py", "/static/index.html", "/static/"]
)
def test_nothing_else_is_sent(stall: Stall, path: str) -> None:
    assert fetch(stall, path)[0].status == 404
