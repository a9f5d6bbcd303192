import json

import pytest

from warung.engine.upstream.failure import ServerFailed, refusal
from warung.errors import InvalidInput


def body(**error: object) -> bytes:
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize("status", [400, 413, 422, 501])
def test_the_caller_s_fault_in_the_server_s_words(status: int) -> None:
    told = refusal(status, body(message="top_k is odd", param="top_k", code="bad"), None)
    assert isinstance(told, InvalidInput)
    assert (told.message, told.field, told.code) == ("top_k is odd", "top_k", "bad")


def test_an_error_without_the_object_around_it_and_with_a_number_as_its_code() -> None:
    told = refusal(400, b'{"object": "error", "message": "odd", "param": null, "code": 400}', None)
    assert isinstance(told, InvalidInput)
    assert (told.message, told.field, told.code) == ("odd", None, "invalid_input")


@pytest.mark.parametrize(
    "error",
    [
        {"message": "This model's maximum context length is 4096 tokens.", "code": 400},
        {"message": "The input (9000 tokens) is longer than the model's context length (8192 tokens)."},
        {"message": "the request exceeds it", "type": "exceed_context_size_error", "code": 400},
        {"message": "too long", "code": "context_length_exceeded", "param": "messages"},
    ],
)
def test_a_prompt_that_is_too_long_has_one_code(error: dict[str, object]) -> None:
    told = refusal(400, body(**error), None)
    assert isinstance(told, InvalidInput)
    assert (told.field, told.code) == ("messages", "context_length_exceeded")


@pytest.mark.parametrize("status", [307, 404, 405, 409, 500, 502, 503, 504])
def test_anything_else_is_the_server_s_fault(status: int) -> None:
    detail, unknown_model = b'{"detail": "Not Found"}', body(message="no such model", param="model")
    assert isinstance(refusal(404, unknown_model, None), ServerFailed)
    told = refusal(status, detail, None)
    assert isinstance(told, ServerFailed)
    assert (told.reason, told.is_busy, told.is_down) == (f"answers with status {status}", False, False)


@pytest.mark.parametrize(
    ("header", "seconds"), [("17", 17), (None, 2), ("soon", 2), ("0", 1), ("99999", 3600)]
)
def test_a_busy_server_says_when_to_return(header: str | None, seconds: int) -> None:
    told = refusal(429, b"", header)
    assert isinstance(told, ServerFailed)
    assert told.retry_after_seconds == seconds


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_no_matter_of_one_request(status: int) -> None:
    told = refusal(status, b"", None)
    assert isinstance(told, ServerFailed)
    assert told.is_down
    assert "key" in told.reason
