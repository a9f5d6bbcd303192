"""BlockPool against a plain model of it, under random use."""

# What is tested is mostly bookkeeping that no public name shows.
# pyright: reportPrivateUsage=false

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from warung.engine.transformers.kv_blocks import BlockPool, chain

COUNT = 5
CONTENTS = [chain(b"", [number]) for number in range(6)]


class PoolMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.pool = BlockPool(COUNT, 4)
        self.chains: list[list[int]] = []  # each holder's blocks
        self.known: dict[bytes, int] = {}
        self.cached: list[int] = []  # least recently used first

    @property
    def held(self) -> Counter[int]:
        return Counter(block for blocks in self.chains for block in blocks)

    def digest_of(self, block: int) -> bytes | None:
        return next((digest for digest, known in self.known.items() if known == block), None)

    @rule(more=st.booleans())
    def allocate(self, more: bool) -> None:
        empty = COUNT - len(self.held) - len(self.cached)
        block = self.pool.allocate()
        if block is None:
            assert len(self.held) == COUNT
            return
        assert block not in self.held
        if empty:
            assert block not in self.cached
        else:
            assert block == self.cached.pop(0)
            del self.known[self.digest_of(block) or b""]
        self._hold(block, more)

    @rule(digest=st.sampled_from(CONTENTS), more=st.booleans())
    def find(self, digest: bytes, more: bool) -> None:
        block = self.pool.find(digest)
        assert block == self.known.get(digest)
        if block is not None:
            if block in self.cached:
                self.cached.remove(block)
            self._hold(block, more)

    def _hold(self, block: int, more: bool) -> None:
        if more and self.chains:
            self.chains[-1].append(block)
        else:
            self.chains.append([block])

    @rule(digest=st.sampled_from(CONTENTS), which=st.integers(0, COUNT))
    def publish(self, digest: bytes, which: int) -> None:
        own = [block for block in self.held if self.digest_of(block) is None]
        if own:
            block = own[which % len(own)]
            self.pool.publish(block, digest)
            self.known.setdefault(digest, block)

    @rule(which=st.integers(0, COUNT))
    def release(self, which: int) -> None:
        if not self.chains:
            return
        blocks = self.chains.pop(which % len(self.chains))
        self.pool.release(blocks)
        left = self.held
        for block in reversed(dict.fromkeys(blocks)):  # a block held twice is let go of last
            if block not in left and self.digest_of(block):
                self.cached.append(block)

    @invariant()
    def every_block_is_held_cached_or_empty(self) -> None:
        assert self.pool._references == [self.held[block] for block in range(COUNT)]
        assert self.pool.available == COUNT - len(self.held)
        assert list(self.pool._cached) == self.cached
        assert sorted([*self.pool._empty, *self.cached, *self.held]) == list(range(COUNT))
        assert self.pool._by_digest == self.known


PoolMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


class TestPool(PoolMachine.TestCase):
    pass


def test_the_end_of_a_chain_is_given_away_before_its_beginning() -> None:
    pool = BlockPool(3, 4)
    blocks = [pool.allocate() or 0 for _ in range(3)]
    for block, digest in zip(blocks, CONTENTS, strict=False):
        pool.publish(block, digest)
    pool.release(blocks)
    assert [pool.allocate() for _ in range(4)] == [*reversed(blocks), None]
    assert pool.find(CONTENTS[0]) is None


def test_a_digest_stands_for_the_block_and_all_before_it() -> None:
    first = chain(b"", [1, 2])
    assert chain(first, [3, 4]) != chain(b"", [3, 4])
    assert chain(b"", [1, 2]) == first != chain(b"", [2, 1])
