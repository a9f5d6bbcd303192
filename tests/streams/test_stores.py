"""One suite on every store."""

import pytest

from streams.conformance import Clock, OpenStore, StreamStoreConformance
from warung.streams.memory_store import MemoryStreamStore
from warung.streams.store import StreamStore


@pytest.fixture
def memory() -> OpenStore:
    kept: dict[int, MemoryStreamStore] = {}

    def open_store(events_per_session: int, clock: Clock) -> StreamStore:
        if events_per_session not in kept:
            kept[events_per_session] = MemoryStreamStore(events_per_session=events_per_session, clock=clock)
        return kept[events_per_session]

    return open_store


class TestMemory(StreamStoreConformance):
    @pytest.fixture
    def open_store(self, memory: OpenStore) -> OpenStore:
        return memory
