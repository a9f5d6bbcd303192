"""One suite on every store."""

import pytest

from streams.conformance import Clock, OpenStore, StreamStoreConformance
from warung.streams.memory_store import MemoryStreamStore
from warung.streams.store import StreamStore


def memory(events_per_session: int, clock: Clock) -> StreamStore:
    return MemoryStreamStore(events_per_session=events_per_session, clock=clock)


@pytest.fixture(params=[memory])
def open_store(request: pytest.FixtureRequest) -> OpenStore:
    return request.param


class TestStores(StreamStoreConformance):
    pass
