"""The engine over a fleet of OpenAI-compatible servers; knows no model library and no wire."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Sequence
from contextvars import Context
from dataclasses import replace

import httpx2
import structlog

from warung.engine.engine import EngineState, EngineStatus, EngineUnavailable
from warung.engine.features import Feature, features_of, require
from warung.engine.request import GenerationRequest, TokenEvent
from warung.engine.upstream.failure import ServerFailed
from warung.engine.upstream.generation import UpstreamGeneration
from warung.engine.upstream.server import UpstreamServer, base_url
from warung.errors import InvalidInput, TooManyRequests

log = structlog.get_logger(__name__)

CHECK_EVERY_SECONDS = 5
CONNECT_WITHIN_SECONDS = 5
SILENCE_SECONDS = 120
ACCEPT_WITHIN_SECONDS = 5


class UpstreamEngine:
    """An Engine over servers that all have the model `model_id`; `urls` with or without /v1, `key` for all.

    A request goes to the least loaded healthy server that can do all it asks for, and to the next one when
    that fails before its first token. So `features` are those of any healthy server, and none before the
    first look at them. A server that is silent for `silence_seconds` while it answers has failed. Where
    `share_prefixes` is false, servers that can are told to keep tenants' prefixes apart.
    """

    resumes_tokens = False

    def __init__(
        self,
        model_id: str,
        urls: Sequence[str],
        *,
        key: str | None = None,
        max_requests: int = 64,
        share_prefixes: bool = True,
        check_every_seconds: float = CHECK_EVERY_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        """Raises InvalidInput for addresses and keys that can't be right."""
        if not model_id.strip():
            raise InvalidInput("MODEL_REPO_ID: name the model of the servers", field="MODEL_REPO_ID")
        if not urls:
            raise InvalidInput("UPSTREAM_URL: name at least one server", field="UPSTREAM_URL")
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            raise InvalidInput("UPSTREAM_KEY: a key has letters, digits and signs only", field="UPSTREAM_KEY")
        self.model_id = model_id
        self._servers = [UpstreamServer(url, model_id) for url in dict.fromkeys(map(base_url, urls))]
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._max_requests = max_requests
        self._share_prefixes = share_prefixes
        self._check_every_seconds = check_every_seconds
        self._silence_seconds = silence_seconds
        self._running: dict[str, UpstreamGeneration] = {}
        self._looked = asyncio.Event()
        self._client: httpx2.AsyncClient | None = None
        self._checking: asyncio.Task[None] | None = None

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset[Feature]().union(*(server.features for server in self._healthy()))

    async def version(self) -> str:
        """The model's name is all that is known of weights elsewhere."""
        self.start()
        await self._looked.wait()
        return self.model_id

    def start(self) -> None:
        if self._checking:
            return
        self._client = httpx2.AsyncClient(
            headers={**self._headers, "Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(self._silence_seconds, connect=CONNECT_WITHIN_SECONDS, pool=None),
            # No connection is used twice: one that the server is just closing would cost a request.
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
        )
        # In a context of its own: its log lines belong to no request.
        checks = self._check_forever(self._client)
        self._checking = asyncio.create_task(checks, name="check model servers", context=Context())

    def state(self) -> EngineState:
        status, error = EngineStatus.READY, None
        if not self._checking:
            status = EngineStatus.IDLE
        elif not self._looked.is_set():
            status = EngineStatus.LOADING
        elif not self._healthy():
            status, error = EngineStatus.FAILED, self._unavailable().message
        return EngineState(status, self.model_id, error, len(self._running), self._max_requests)

    async def submit(self, request: GenerationRequest) -> UpstreamGeneration:
        """Accept a request: a server has accepted it, too, when this returns, unless it is slow to say so.
        The first look at the servers is waited for."""
        if request.generated:
            raise InvalidInput(
                "an answer that is continued on another server is continued from its text, not from tokens",
                field="generated",
                code="unsupported_field",
            )
        if len(self._running) >= self._max_requests:
            raise TooManyRequests(
                f"the model is busy with {len(self._running)} requests; try again shortly",
                code="engine_full",
                retry_after_seconds=2,
            )
        if request.id in self._running:
            raise InvalidInput(f"request id {request.id!r} is running already", field="id")
        self.start()
        asked = request if not self._share_prefixes else replace(request, tenant="")
        generation = self._running[request.id] = UpstreamGeneration(
            lambda on_accepted: self._events(asked, on_accepted),
            lambda: self._release(request.id),
            name=f"generation {request.id}",
        )
        try:
            async with asyncio.timeout(ACCEPT_WITHIN_SECONDS):
                await asyncio.shield(generation.accepted())
        except TimeoutError:  # the client must not wait without a word: a refusal will be told in its stream
            pass
        except BaseException:
            generation.close()
            raise
        return generation

    def abort(self, request_id: str) -> None:
        if generation := self._running.get(request_id):
            generation.close()

    async def close(self) -> None:
        """Leave the servers. Requests that still run end with EngineUnavailable."""
        generations = list(self._running.values())
        for generation in generations:
            generation.fail(EngineUnavailable("the engine was closed"))
        for generation in generations:
            await generation.stopped()
        if self._checking:
            self._checking.cancel()
            await asyncio.wait([self._checking])
        for server in self._servers:
            await server.close()
        if self._client:
            await self._client.aclose()
        self._client = self._checking = None
        self._looked.clear()

    async def _check_forever(self, client: httpx2.AsyncClient) -> None:
        while True:
            await asyncio.gather(*(server.check(client) for server in self._servers))
            self._looked.set()
            await asyncio.sleep(self._check_every_seconds)

    async def _events(
        self, request: GenerationRequest, on_accepted: Callable[[], None]
    ) -> AsyncGenerator[TokenEvent]:
        """The answer of the first server that gives one; after its first token there is no other."""
        client = self._client
        assert client  # noqa: S101  submit has started it
        await self._looked.wait()
        failures: list[ServerFailed] = []
        for server in self._candidates(request):
            has_begun = False
            try:
                async with server.answering(client, request) as events:
                    on_accepted()
                    async for event in events:
                        has_begun = True
                        yield event
            except ServerFailed as failure:
                log.warning("model server failed", url=server.url, reason=failure.reason, request=request.id)
                if has_begun:
                    raise EngineUnavailable("the model server broke off its answer; ask again") from failure
                failures.append(failure)
            else:
                return
        raise self._no_answer(failures)

    def _candidates(self, request: GenerationRequest) -> list[UpstreamServer]:
        """Healthy servers that can do what the request asks for: least loaded first, in order among equals.
        Those that failed their latest request come last.

        Raises EngineUnavailable when none is healthy, InvalidInput when none of them can do it.
        """
        healthy, asked = self._healthy(), features_of(request)
        if not healthy:
            raise self._unavailable()
        able = [server for server in healthy if asked <= server.features]
        if not able:
            require(max(healthy, key=lambda server: len(asked & server.features)).features, request)
        return sorted(able, key=lambda server: (server.failed_lately, server.load))

    def _healthy(self) -> list[UpstreamServer]:
        return [server for server in self._servers if not server.trouble]

    def _unavailable(self) -> EngineUnavailable:
        """Names servers by their place in UPSTREAM_URL: their addresses are nobody's business."""
        troubles = [f"server {n} {server.trouble}" for n, server in enumerate(self._servers, 1)]
        return EngineUnavailable(
            f"no model server can answer: {'; '.join(troubles)}",
            retry_after_seconds=math.ceil(self._check_every_seconds),
        )

    def _no_answer(self, failures: Sequence[ServerFailed]) -> EngineUnavailable | TooManyRequests:
        waits = [failure.retry_after_seconds for failure in failures if failure.retry_after_seconds]
        if waits:
            return TooManyRequests(
                "the model servers are busy; try again shortly",
                code="engine_full",
                retry_after_seconds=min(waits),
            )
        reasons = "; ".join(dict.fromkeys(f"one {failure.reason}" for failure in failures))
        return EngineUnavailable(f"no model server could answer: {reasons}")

    def _release(self, request_id: str) -> None:
        self._running.pop(request_id, None)
