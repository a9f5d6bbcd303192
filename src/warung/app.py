"""The only place where the parts meet their routes: settings in, a web application out."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from fastapi import APIRouter, FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware

from warung import __version__, error_responses, health, parts
from warung.accounts import endpoints as account_endpoints
from warung.accounts.api_keys import ApiKeys
from warung.accounts.guests import Caller
from warung.accounts.rate_limiter import RateLimiter
from warung.analytics import endpoints as analytics_endpoints
from warung.assistant import endpoints as assistant_endpoints
from warung.audit import endpoints as audit_endpoints
from warung.audit.service import AuditService
from warung.body_limit import BodyLimit
from warung.conversations import endpoints as conversation_endpoints
from warung.delivery import endpoints as delivery_endpoints
from warung.engine.engine import Engine
from warung.errors import WarungError
from warung.exchange import endpoints as exchange_endpoints
from warung.exchange.service import Exchange
from warung.gazetteer.places import Gazetteer
from warung.openai_api import endpoints as openai_endpoints
from warung.parts import Parts
from warung.products import endpoints as product_endpoints
from warung.products.counter import Counter
from warung.search import endpoints as search_endpoints
from warung.settings import Settings
from warung.suppliers import endpoints as supplier_endpoints
from warung.synonyms import endpoints as synonym_endpoints
from warung.telemetry import RequestLog
from warung.web import endpoints as web_endpoints

_CLICKS_PER_MINUTE = 120


def create_app(settings: Settings, *, engine: Engine | None = None) -> FastAPI:
    """The application. `engine` takes the place of the one that the settings name.

    `app.state.drain()` and `app.state.end_streams()` are for a server that stops. Expects a migrated
    database. Raises InvalidInput when a setting can't be honoured, StoreUnavailable when the file of the
    streams can't be used.
    """
    house = parts.build(settings, engine)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        async with house.running():
            yield

    app = FastAPI(title="warung", version=__version__, lifespan=lifespan)
    app.state.drain, app.state.end_streams = house.drain, house.end_streams
    error_responses.install(app)
    for router in (*_model_routers(house), *_people_routers(house), *_market_routers(house)):
        # Included routers would be asked for each request one by one, and the one that has it twice.
        app.router.routes.extend(router.routes)
    _add_middleware(app, settings)
    return app


def _model_routers(house: Parts) -> Iterator[APIRouter]:
    settings, model = house.settings, house.model
    yield openai_endpoints.create_router(
        model.engine,
        model.broker,
        ApiKeys(settings.api_keys).owner,
        defaults=openai_endpoints.CompletionDefaults(settings.max_tokens, settings.temperature),
        recorder=house.market.recorder,
    )
    yield health.create_router(model.engine, model.broker, model.store_name, house.market.database)
    yield assistant_endpoints.create_router(house.assistant, house.people.callers)
    yield assistant_endpoints.create_search_router(house.ai_search, house.people.callers)


def _people_routers(house: Parts) -> Iterator[APIRouter]:
    settings, people, market = house.settings, house.people, house.market
    limits = account_endpoints.Limits(
        logins_per_minute=settings.logins_per_minute,
        registrations_per_minute=settings.registrations_per_minute,
    )
    access = account_endpoints.Access(people.authenticate, limits)
    yield account_endpoints.create_router(people.accounts, people.logins, access, Gazetteer.load())
    operator_of = account_endpoints.operator_of(people.authenticate)
    yield audit_endpoints.create_router(AuditService(market.database), operator_of)
    yield conversation_endpoints.create_router(market.conversations, house.model.broker, people.callers)
    yield web_endpoints.create_router(people.guests.welcome)


def _market_routers(house: Parts) -> Iterator[APIRouter]:
    """The search and the files of products before the products, whose ids stand in the same place."""
    market, authenticate = house.market, house.people.authenticate
    products, database = market.products, market.database
    operator_of = account_endpoints.operator_of(authenticate)
    yield search_endpoints.create_router(
        market.search,
        market.recorder,
        partial(_known_owner, house.people.callers),
        operator_of,
    )
    yield synonym_endpoints.create_router(market.synonyms, operator_of)
    yield exchange_endpoints.create_router(
        Exchange(database), products, authenticate, house.settings.public_url
    )
    yield product_endpoints.create_router(products, Counter(database), authenticate, market.delivery.levels)
    per_minute = house.settings.registrations_per_minute
    registrations = RateLimiter(per_minute, rule=f"one address may open {per_minute} stalls a minute")
    yield supplier_endpoints.create_router(market.suppliers, Gazetteer.load(), authenticate, registrations)
    yield delivery_endpoints.create_router(market.delivery, authenticate)
    clicks = analytics_endpoints.Clicks(
        market.recorder,
        products,
        RateLimiter(_CLICKS_PER_MINUTE, rule=f"clicks are counted {_CLICKS_PER_MINUTE} times a minute"),
    )
    yield analytics_endpoints.create_click_router(clicks)
    yield analytics_endpoints.create_router(market.analytics, authenticate, market.conversations.by_day)


def _known_owner(caller_of: Callable[[Request], Caller], request: Request) -> str | None:
    """Who asks where nobody has to say it; None for one who was never seen."""
    with suppress(WarungError):
        caller = caller_of(request)
        return None if caller.headers else caller.owner
    return None


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """What every request passes, the log first."""
    app.add_middleware(
        BodyLimit,
        max_bytes=settings.max_body_bytes,
        larger={exchange_endpoints.IMPORT_PATH: settings.max_import_bytes},
    )
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_credentials=True,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["X-Session-Id", "X-Request-Id", "Retry-After", "ETag", "Location"],
        )
    app.add_middleware(RequestLog)
