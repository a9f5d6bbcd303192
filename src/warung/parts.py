"""The parts of the house, built from settings and handed to each other; knows no route."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

import structlog

from warung.accounts.authentication import Authentication
from warung.accounts.callers import Callers
from warung.accounts.guests import Guests
from warung.accounts.logins import ACCESS_PREFIX, Lifetimes, Logins
from warung.accounts.passwords import Passwords
from warung.accounts.service import AccountService
from warung.analytics.recorder import Recorder
from warung.analytics.service import AnalyticsService
from warung.assistant import plan as answer_plan
from warung.assistant.ai_search import AiSearch
from warung.assistant.reader import Reader
from warung.assistant.service import Assistant
from warung.completions.revival import Revivals
from warung.conversations.service import ConversationService
from warung.database.session import Database
from warung.delivery.service import DeliveryService
from warung.engine.build import build_engine
from warung.engine.engine import Engine
from warung.gazetteer.places import Gazetteer
from warung.openai_api import plan as completion_plan
from warung.openai_api.revival import revive as revive_completion
from warung.options import engine_options, rank_weights, stream_store
from warung.products.categories import load_categories
from warung.products.repository import ProductShelf
from warung.products.service import ProductService
from warung.search.index import ProductIndex
from warung.search.query import QueryParser
from warung.search.refresher import IndexRefresher
from warung.search.service import SearchService
from warung.settings import Settings
from warung.streams.broker import Broker
from warung.streams.errors import Stopping
from warung.streams.store import StreamStore
from warung.suppliers.key import PREFIX as SUPPLIER_KEY
from warung.suppliers.service import SupplierService
from warung.synonyms.service import SynonymService

log = structlog.get_logger(__name__)

_INDEX_WITHIN_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Model:
    """What answers, and where its streams are kept."""

    engine: Engine
    store_name: str
    store: StreamStore
    broker: Broker
    revivals: Revivals


@dataclass(frozen=True, slots=True)
class Market:
    """What is sold, by whom, where it goes, and what is asked for."""

    database: Database
    products: ProductService
    suppliers: SupplierService
    delivery: DeliveryService
    synonyms: SynonymService
    refresher: IndexRefresher
    search: SearchService
    conversations: ConversationService
    analytics: AnalyticsService
    recorder: Recorder


@dataclass(frozen=True, slots=True)
class People:
    """Who may ask, and as what."""

    accounts: AccountService
    logins: Logins
    authenticate: Authentication
    guests: Guests
    callers: Callers


@dataclass(frozen=True, slots=True)
class Parts:
    settings: Settings
    model: Model
    market: Market
    people: People
    assistant: Assistant
    ai_search: AiSearch

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """They work from here on, and everything is closed behind it."""
        model, market = self.model, self.market
        if self.settings.load_model_at_start or engine_options(self.settings).is_upstream:
            model.engine.start()
        market.refresher.start()
        market.recorder.start()
        # Else the first searches of all would be refused, though a kept index opens in milliseconds.
        await asyncio.to_thread(market.refresher.wait, _INDEX_WITHIN_SECONDS)
        tending = asyncio.create_task(model.broker.tend_forever())
        yield
        tending.cancel()
        with suppress(asyncio.CancelledError):
            await tending
        await model.broker.close()
        await model.store.close()
        await model.engine.close()
        await asyncio.to_thread(market.refresher.stop)
        await asyncio.to_thread(market.recorder.stop)
        market.database.close()

    async def drain(self) -> None:
        """Begin no stream any more, and let the running ones come to their end for a while."""
        seconds, broker = self.settings.stop_within_seconds, self.model.broker
        log.info("stopping", running=broker.running, within_seconds=seconds)
        await broker.drain(seconds)

    async def end_streams(self) -> None:
        """End those that still run, or leave them to be taken over, and tell their readers to return."""
        await self.model.broker.close(Stopping("the server is stopping; ask again soon"))


def build(settings: Settings, engine: Engine | None = None) -> Parts:
    """`engine` takes the place of the one that the settings name. Raises InvalidInput when a setting can't be
    honoured, StoreUnavailable when the file of the streams can't be used."""
    model = _model(settings, engine or build_engine(engine_options(settings)))
    market = _market(settings)
    people = _people(settings, market)
    gazetteer = Gazetteer.load()
    parser = QueryParser(gazetteer, load_categories())
    assistant = Assistant(
        engine=model.engine,
        broker=model.broker,
        parser=parser,
        search=market.search,
        products=market.products,
        conversations=market.conversations,
        levels=market.delivery.levels,
        recorder=market.recorder,
        max_tokens=settings.max_tokens,
    )
    reader = Reader(model.engine, settings.reading_within_seconds)
    ai_search = AiSearch(parser, gazetteer, market.search, reader, market.recorder)
    revive = partial(revive_completion, model.engine, recorder=market.recorder)
    model.revivals.register(completion_plan.KIND, revive)
    model.revivals.register(answer_plan.KIND, assistant.revive)
    return Parts(settings, model, market, people, assistant, ai_search)


def _model(settings: Settings, engine: Engine) -> Model:
    store_name, store = stream_store(settings)
    revivals = Revivals()
    broker = Broker(
        store,
        reviver=revivals,
        ttl_seconds=settings.sessions_ttl_seconds,
        idle_seconds=settings.keep_alive_seconds,
        cancel_after_disconnect_seconds=settings.cancel_after_disconnect_seconds,
    )
    return Model(engine, store_name, store, broker, revivals)


def _market(settings: Settings) -> Market:
    database = Database(settings.database, connections=settings.database_connections)
    products = ProductService(database)
    suppliers = SupplierService(database, ProductShelf())
    index = ProductIndex(settings.data_dir / "index", products, suppliers)
    delivery, synonyms = DeliveryService(database), SynonymService(database)
    analytics = AnalyticsService(database, products, days=settings.analytics_days)
    return Market(
        database=database,
        products=products,
        suppliers=suppliers,
        delivery=delivery,
        synonyms=synonyms,
        refresher=IndexRefresher(index),
        search=SearchService(
            index, products, delivery.levels, synonyms.groups, weights=rank_weights(settings)
        ),
        conversations=ConversationService(database),
        analytics=analytics,
        recorder=Recorder(analytics.write),
    )


def _people(settings: Settings, market: Market) -> People:
    passwords = Passwords()
    lifetimes = Lifetimes(settings.access_token_seconds, settings.refresh_token_seconds)
    logins = Logins(market.database, passwords, market.suppliers.by_account, lifetimes)
    authenticate = Authentication({ACCESS_PREFIX: logins.principal, SUPPLIER_KEY: market.suppliers.by_key})
    guests = Guests(enabled=settings.guests_enabled, per_minute=settings.guest_requests_per_minute)
    return People(
        accounts=AccountService(
            market.database, passwords, logins, ai_access_for_new=settings.ai_access_for_new_accounts
        ),
        logins=logins,
        authenticate=authenticate,
        guests=guests,
        callers=Callers(authenticate, guests, per_minute=settings.user_requests_per_minute),
    )
