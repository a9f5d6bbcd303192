"""Two replicas over one store, in which time passes when the test says so."""

from collections.abc import Awaitable, Callable, Sequence

from streams.counting import Replica, settle
from streams.travelling import TravelLoop, travelling
from warung.streams.event import StreamStatus
from warung.streams.memory_store import MemoryStreamStore
from warung.streams.store import Lease, StoreUnavailable


class SharedStore(MemoryStreamStore):
    """One memory for both replicas, which outlives them; it breaks when told to."""

    is_durable = True
    broken = False

    async def append(self, lease: Lease, data: Sequence[str], memo: str = "") -> bool:
        if self.broken:
            raise StoreUnavailable("the disk is full")
        return await super().append(lease, data, memo)

    async def end(self, lease: Lease, status: StreamStatus, data: Sequence[str] = ()) -> None:
        if self.broken:
            raise StoreUnavailable("the disk is full")
        await super().end(lease, status, data)


class House:
    def __init__(self, loop: TravelLoop, *, patience_seconds: float = 0, lease_seconds: float = 5) -> None:
        self.loop = loop
        self.store = SharedStore(clock=loop.time, lease_seconds=lease_seconds)
        self.one, self.two = [Replica(self.store, patience_seconds=patience_seconds) for _ in range(2)]

    async def lapse(self) -> None:
        """Nobody renews a lease for as long as it lasts."""
        await self.pass_time(self.store.lease_seconds + 1)

    async def pass_time(self, seconds: float) -> None:
        self.loop.skipped_seconds += seconds
        await settle()


def played(test: Callable[[House], Awaitable[None]], **seconds: float) -> None:
    async def main(loop: TravelLoop) -> None:
        house = House(loop, **seconds)
        await test(house)
        for replica in (house.one, house.two):
            await replica.broker.close()

    travelling(main)
