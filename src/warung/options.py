"""From settings to the values that the engine, the streams and the search are built of."""

import importlib.util

from warung.engine.build import EngineOptions
from warung.errors import InvalidInput
from warung.search.ranking import Weights
from warung.settings import Settings
from warung.streams.memory_store import MemoryStreamStore
from warung.streams.sqlite_store import SqliteStreamStore
from warung.streams.store import StreamStore


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


def rank_weights(settings: Settings) -> Weights:
    return Weights(
        nearness=settings.rank_nearness,
        stock=settings.rank_stock,
        price_fit=settings.rank_price_fit,
        freshness=settings.rank_freshness,
    )


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
