"""The only place where the parts meet: settings in, a web application out."""

import asyncio
import importlib.util
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial

import structlog
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from warung import __version__, error_responses
from warung.accounts.api_keys import ApiKeys
from warung.accounts.guests import Guests
from warung.assistant import endpoints as assistant_endpoints
from warung.assistant import plan as answer_plan
from warung.assistant.service import Assistant
from warung.body_limit import BodyLimit
from warung.completions.revival import Revivals
from warung.conversations.service import ConversationService
from warung.database.session import Database
from warung.engine.build import EngineOptions, build_engine
from warung.engine.engine import Engine
from warung.errors import InvalidInput
from warung.gazetteer.places import Gazetteer
from warung.openai_api import endpoints as openai_endpoints
from warung.openai_api import plan as completion_plan
from warung.openai_api.revival import revive as revive_completion
from warung.products.categories import load_categories
from warung.products.service import ProductService
from warung.search import endpoints as search_endpoints
from warung.search.index import ProductIndex
from warung.search.query import QueryParser
from warung.search.refresher import IndexRefresher
from warung.search.service import SearchService
from warung.settings import Settings
from warung.streams.broker import Broker
from warung.streams.errors import Stopping
from warung.streams.memory_store import MemoryStreamStore
from warung.streams.sqlite_store import SqliteStreamStore
from warung.streams.store import StreamStore
from warung.suppliers.service import SupplierService
from warung.telemetry import RequestLog
from warung.web import endpoints as web_endpoints

log = structlog.get_logger(__name__)

INDEX_WITHIN_SECONDS = 5


def create_app(settings: Settings, *, engine: Engine | None = None) -> FastAPI:
    """The application. `engine` takes the place of the one that the settings name.

    `app.state.drain()` begins no stream any more and lets the running ones come to their end for a while;
    `app.state.end_streams()` ends the others or leaves them to be taken over, and tells their readers to
    return.
    Expects a migrated database. Raises InvalidInput when a setting can't be honoured, StoreUnavailable when
    the file of the streams can't be used.
    """
    options = engine_options(settings)
    engine = engine or build_engine(options)
    store_name, store = stream_store(settings)
    database = Database(settings.database)
    products = ProductService(database)
    index = ProductIndex(settings.data_dir / "index", products, SupplierService(database))
    refresher = IndexRefresher(index)
    search = SearchService(index, products)
    revivals = Revivals()
    revivals.register(completion_plan.KIND, partial(revive_completion, engine))
    broker = Broker(
        store,
        reviver=revivals,
        ttl_seconds=settings.sessions_ttl_seconds,
        idle_seconds=settings.keep_alive_seconds,
        cancel_after_disconnect_seconds=settings.cancel_after_disconnect_seconds,
    )
    assistant = Assistant(
        engine=engine,
        broker=broker,
        parser=QueryParser(Gazetteer.load(), load_categories()),
        search=search,
        products=products,
        conversations=ConversationService(database),
        max_tokens=settings.max_tokens,
    )

    revivals.register(answer_plan.KIND, assistant.revive)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        if settings.load_model_at_start or options.is_upstream:
            engine.start()
        refresher.start()
        # Else the first searches of all would be refused, though a kept index opens in milliseconds.
        await asyncio.to_thread(refresher.wait, INDEX_WITHIN_SECONDS)
        tending = asyncio.create_task(broker.tend_forever())
        yield
        tending.cancel()
        with suppress(asyncio.CancelledError):
            await tending
        await broker.close()
        await store.close()
        await engine.close()
        await asyncio.to_thread(refresher.stop)
        database.close()

    async def drain() -> None:
        log.info("stopping", running=broker.running, within_seconds=settings.stop_within_seconds)
        await broker.drain(settings.stop_within_seconds)

    async def end_streams() -> None:
        await broker.close(Stopping("the server is stopping; ask again soon"))

    app = FastAPI(title="warung", version=__version__, lifespan=lifespan)
    app.state.drain, app.state.end_streams = drain, end_streams
    error_responses.install(app)
    app.include_router(
        openai_endpoints.create_router(
            engine,
            broker,
            ApiKeys(settings.api_keys).owner,
            defaults=openai_endpoints.CompletionDefaults(settings.max_tokens, settings.temperature),
            store_name=store_name,
        )
    )
    guests = Guests(enabled=settings.guests_enabled, per_minute=settings.guest_requests_per_minute)
    app.include_router(assistant_endpoints.create_router(assistant, guests.caller))
    app.include_router(search_endpoints.create_router(search))
    app.include_router(web_endpoints.create_router(guests.welcome))
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_credentials=True,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["X-Session-Id", "X-Request-Id", "Retry-After"],
        )
    app.add_middleware(RequestLog)
    return app


def stream_store(settings: Settings) -> tuple[str, StreamStore]:
    """Where streams are kept: its kind and the store. Raises InvalidInput and StoreUnavailable."""
    events, lease_seconds = settings.session_events, settings.lease_seconds
    if settings.redis_url:
        if importlib.util.find_spec("redis") is None:
            raise InvalidInput(
                "REDIS_URL: the client is missing: pip install 'warung[redis]'", field="REDIS_URL"
            )
        from warung.streams.redis_store import RedisStreamStore

        redis = RedisStreamStore(settings.redis_url, events_per_session=events, lease_seconds=lease_seconds)
        return "redis", redis
    if settings.persist_sessions:
        return "sqlite", SqliteStreamStore(
            settings.sessions_db_path,
            events_per_session=events,
            lease_seconds=lease_seconds,
            synchronous=settings.sessions_synchronous,
        )
    return "memory", MemoryStreamStore(events_per_session=events, lease_seconds=lease_seconds)


def engine_options(settings: Settings) -> EngineOptions:
    return EngineOptions(
        engine=settings.engine,
        model=settings.model_repo_id,
        max_requests=settings.max_requests,
        device_map=settings.device_map,
        dtype=settings.torch_dtype,
        hub_token=settings.hf_token.get_secret_value() if settings.hf_token else None,
        trust_remote_code=settings.trust_remote_code,
        cache_bytes=settings.kv_cache_bytes,
        share_prefixes=settings.share_prefixes,
        batch_invariant=settings.batch_invariant,
        upstream_urls=settings.upstream_url,
        upstream_key=settings.upstream_key.get_secret_value() if settings.upstream_key else None,
    )
