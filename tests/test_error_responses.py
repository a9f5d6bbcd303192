import json
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

import httpx
import pytest
import structlog
from fastapi import FastAPI, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from warung import error_responses
from warung.errors import InvalidInput, NotSupported, TooManyRequests, Unauthorized, Unavailable, WarungError
from warung.telemetry import RequestLog, configure_logs


class Offer(BaseModel):
    name: str
    prices: list[int]


def shop() -> FastAPI:
    app = FastAPI()
    error_responses.install(app)
    app.add_middleware(RequestLog)

    def fail(kind: str) -> None:
        raise {
            "input": InvalidInput("location must be lat,lng", field="location"),
            "key": Unauthorized("a key is needed"),
            "many": TooManyRequests("wait", retry_after_seconds=7),
            "engine": Unavailable("no model"),
            "vision": NotSupported("no vision here"),
            "accident": ZeroDivisionError("the password is rahasia"),
        }[kind]

    def offer(offer: Offer, size: Annotated[int, Query(ge=1)] = 1) -> int:
        return len(offer.prices) * size

    def half() -> StreamingResponse:
        def pieces() -> Iterator[bytes]:
            yield b"half"
            raise ZeroDivisionError("the password is rahasia")

        return StreamingResponse(pieces())

    for prefix in ("/api", "/v1"):
        app.add_api_route(f"{prefix}/fail/{{kind}}", fail)
        app.add_api_route(f"{prefix}/offer", offer, methods=["POST"])
        app.add_api_route(f"{prefix}/half", half)
    return app


@pytest.fixture(autouse=True)
def own_configuration() -> Iterator[None]:
    """The logs' configuration is put back."""
    yield
    structlog.reset_defaults()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(shop())
    async with httpx.AsyncClient(transport=transport, base_url="http://warung") as client:
        yield client


async def test_the_shops_dialect_is_problem_details(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/fail/input")
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": response.json()["title"],
        "status": 422,
        "detail": "location must be lat,lng",
        "code": "invalid_input",
        "errors": [{"field": "location", "message": "location must be lat,lng"}],
    }


async def test_the_models_dialect_is_openais(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/fail/input")
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == {
        "error": {
            "message": "location must be lat,lng",
            "type": "invalid_request_error",
            "param": "location",
            "code": "invalid_input",
        }
    }


async def test_every_wrong_field_is_listed(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/offer?size=0", json={"prices": [1, "x"]})
    problem = response.json()
    assert response.status_code == 422
    assert {error["field"] for error in problem["errors"]} == {"size", "name", "prices.1"}
    named = (await client.post("/v1/offer", json={"name": "a", "prices": [1, "x"]})).json()["error"]
    assert named["param"] == "prices.1"
    assert named["message"].startswith("prices.1: ")


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000])
async def test_a_body_that_is_no_json(client: httpx.AsyncClient, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    problem = (await client.post("/api/offer", content=content, headers=headers)).json()
    assert (problem["status"], problem["code"]) == (422, "invalid_json")
    assert [error["field"] for error in problem["errors"]] == ["body"]
    response = await client.post("/v1/offer", content=content, headers=headers)
    assert (response.status_code, response.json()["error"]["param"]) == (400, "body")


@pytest.mark.parametrize(
    ("kind", "status", "headers"),
    [
        ("key", 401, {"WWW-Authenticate": "Bearer"}),
        ("many", 429, {"Retry-After": "7", "x-should-retry": "true"}),
        ("engine", 503, {"x-should-retry": "false"}),
        ("vision", 501, {}),
    ],
)
async def test_headers_say_what_to_do(
    client: httpx.AsyncClient, kind: str, status: int, headers: dict[str, str]
) -> None:
    for prefix in ("/api", "/v1"):
        response = await client.get(f"{prefix}/fail/{kind}")
        assert response.status_code == status
        assert {name: response.headers.get(name) for name in headers} == headers
        assert ("Retry-After" in response.headers) == (kind == "many")


async def test_routes_and_methods_that_are_not_there(client: httpx.AsyncClient) -> None:
    unknown, wrong = await client.get("/api/none"), await client.get("/api/offer")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert wrong.headers["Allow"] == "POST"
    assert (await client.get("/v1/none")).json()["error"]["code"] == "not_found"
    assert (await client.get("/v1/offer")).json()["error"]["code"] == "method_not_allowed"
    assert (await client.get("/")).json()["title"] == "Not Found"


async def test_an_accident_tells_nothing_but_its_request_id(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(log_format="json", level="info")
    for prefix in ("/api", "/v1"):
        response = await client.get(f"{prefix}/fail/accident", headers={"X-Request-Id": f"at{prefix[1:]}"})
        assert response.status_code == 500
        assert response.headers["X-Request-Id"] == f"at{prefix[1:]}"
        assert "rahasia" not in response.text
        assert "ZeroDivision" not in response.text
    assert (await client.get("/api/fail/accident")).json()["code"] == "internal_error"
    assert response.json()["error"]["type"] == "server_error"
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["request_id"]) for line in lines[:2]] == [
        ("unexpected error", "atapi"),
        ("request", "atapi"),
    ]
    assert "ZeroDivisionError" in lines[0]["exception"]
    assert lines[1]["status"] == 500


async def test_an_accident_in_mid_response_is_no_second_response(client: httpx.AsyncClient) -> None:
    with pytest.raises(ZeroDivisionError):
        await client.get("/api/half")


def test_the_code_of_a_large_body_is_the_same_on_every_python() -> None:
    assert error_responses.HttpError(413, "too large").code == "body_too_large"
    assert isinstance(error_responses.HttpError(404, "no"), WarungError)
