"""One OpenAI-compatible server: its address, health, kind and load; knows no other server."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import httpx2
import structlog

from warung.engine.features import Feature
from warung.engine.request import GenerationRequest, TokenEvent
from warung.engine.upstream.answer import Answer
from warung.engine.upstream.failure import ServerFailed, refusal
from warung.engine.upstream.kind import Kind, features_of_model, kind_of
from warung.engine.upstream.wire import body_of
from warung.errors import InvalidInput

log = structlog.get_logger(__name__)

CHECK_WITHIN_SECONDS = 10
CANCEL_WITHIN_SECONDS = 5
MAX_FRAME_BYTES = 4 * 1024 * 1024
_MAX_MODELS_TOLD = 5


def base_url(url: str) -> str:
    """The address without /v1, slashes at its end or anything secret. Raises InvalidInput."""
    try:
        parsed = httpx2.URL(url.strip())
    except httpx2.InvalidURL:
        raise InvalidInput("UPSTREAM_URL: an address can't be read", field="UPSTREAM_URL") from None
    if parsed.userinfo:
        raise InvalidInput(
            "UPSTREAM_URL: an address must hold no password; the key goes into UPSTREAM_KEY",
            field="UPSTREAM_URL",
        )
    if parsed.scheme not in {"http", "https"} or not parsed.host or parsed.query or parsed.fragment:
        raise InvalidInput(f"UPSTREAM_URL: {url!r} is no address like http://host:8000", field="UPSTREAM_URL")
    return str(parsed).rstrip("/").removesuffix("/v1").rstrip("/")


class UpstreamServer:
    """`trouble` says why it can't answer now, as a clause about it; None when it can. `load` counts the
    requests of ours that it answers, `failed_lately` says that the latest of them went wrong by its fault."""

    def __init__(self, url: str, model_id: str) -> None:
        self.trouble: str | None = "has not been looked at yet"
        self.kind = Kind.UNKNOWN
        self.features: frozenset[Feature] = frozenset()
        self.load = 0
        self.failed_lately = False
        self.url = base_url(url)
        self._model_id = model_id
        self._cancelling: set[asyncio.Task[None]] = set()

    async def check(self, client: httpx2.AsyncClient) -> None:
        """Look whether it serves the model, and what it is."""
        try:
            async with asyncio.timeout(CHECK_WITHIN_SECONDS):
                response = await client.get(f"{self.url}/v1/models")
            self._read_models(response)
            self._note(None)
        except ServerFailed as failure:
            self._note(failure.reason)
        except (httpx2.HTTPError, TimeoutError) as error:
            self._note("can't be reached", error)
        except Exception as error:  # whatever it sends, the looking goes on
            self._note("lists no models under /v1/models", error)

    @asynccontextmanager
    async def answering(
        self, client: httpx2.AsyncClient, request: GenerationRequest
    ) -> AsyncGenerator[AsyncIterator[TokenEvent]]:
        """The request's events, once the server has accepted it; leaving early stops it there.

        Raises ServerFailed, and InvalidInput when the server says that the request is wrong, here and in
        the events.
        """
        answer = Answer(request.sampling.logprobs)
        url, body = f"{self.url}/v1/chat/completions", body_of(self._model_id, request, self.kind)
        self.load += 1
        try:
            async with client.stream("POST", url, json=body) as response:
                if not response.is_success:
                    wait = response.headers.get("Retry-After")
                    raise refusal(response.status_code, await response.aread(), wait)
                try:
                    async with aclosing(answer.events(frames(response))) as events:
                        yield events
                    self.failed_lately = self.failed_lately and not answer.ended
                finally:
                    if self.kind is Kind.WARUNG and not answer.ended:
                        self._cancel(client, response.headers.get("X-Session-Id"))
        except ServerFailed as failure:
            self.failed_lately = not failure.is_busy
            if failure.is_down:
                self._note(failure.reason)
            raise
        except httpx2.HTTPError as error:
            self.failed_lately = True
            raise self._lost(error) from error
        finally:
            self.load -= 1

    async def close(self) -> None:
        """Wait until the cancelled answers are known to be."""
        await asyncio.gather(*self._cancelling, return_exceptions=True)

    def _read_models(self, response: httpx2.Response) -> None:
        if not response.is_success:
            raise refusal(response.status_code, b"", None)
        models: dict[str, Any] = {model["id"]: model for model in response.json()["data"]}
        if self._model_id not in models:
            told = ", ".join(sorted(models)[:_MAX_MODELS_TOLD]) or "nothing"
            raise ServerFailed(f"serves {told} and not {self._model_id}")
        self.kind = kind_of(models[self._model_id])
        self.features = features_of_model(models[self._model_id])

    def _lost(self, error: httpx2.HTTPError) -> ServerFailed:
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
            self._note("can't be reached", error)
            return ServerFailed("can't be reached")
        if isinstance(error, httpx2.TimeoutException):
            return ServerFailed("has been silent for too long")
        if isinstance(error, httpx2.SSEError):
            return ServerFailed("sends no event stream that can be read")
        return ServerFailed("broke off its answer")

    def _note(self, trouble: str | None, error: Exception | None = None) -> None:
        if trouble == self.trouble:
            return
        self.trouble = trouble
        if trouble is None:
            log.info("model server ready", url=self.url, kind=self.kind.name.lower())
        else:
            log.warning(
                "model server in trouble", url=self.url, trouble=trouble, error=repr(error) if error else None
            )

    def _cancel(self, client: httpx2.AsyncClient, session_id: str | None) -> None:
        """A warung goes on without readers, so that they can come back: it must be told."""
        if not session_id:
            return

        async def cancel() -> None:
            with suppress(httpx2.HTTPError, TimeoutError):
                async with asyncio.timeout(CANCEL_WITHIN_SECONDS):
                    await client.post(f"{self.url}/v1/cancel/{session_id}")

        task = asyncio.create_task(cancel(), name=f"cancel {session_id}")
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)


async def frames(response: httpx2.Response) -> AsyncGenerator[str]:
    """The data of its server-sent events, without those that have none."""
    async for event in httpx2.EventSource(response, MAX_FRAME_BYTES):
        if event.data:
            yield event.data
