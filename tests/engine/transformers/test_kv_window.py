# The model library carries no complete types.
# pyright: reportUnknownMemberType=false

import torch

from warung.engine.request import SamplingParams
from warung.engine.transformers.attention import Group, KvCache
from warung.engine.transformers.kv_window import KvWindow
from warung.engine.transformers.scheduler import Chunk
from warung.engine.transformers.sequence import Sequence

CPU = torch.device("cpu")
LAYER = 3


def sequence(name: str, blocks: list[int]) -> Sequence:
    return Sequence(name, [0] * 64, 1, SamplingParams(max_tokens=1), frozenset(), blocks=blocks)


def cache(most_tokens: int) -> KvCache:
    """Of 16 blocks of 4 tokens, with what stands in no sequence's place made of NaN."""
    made = KvCache(16, 4, KvWindow(most_tokens))
    nothing = torch.full((64, 2, 3), torch.nan)
    made.store(LAYER, nothing, nothing.clone(), torch.arange(64))
    return made


class Steps:
    """Steps of one token for each of `places`, a sequence and how many tokens it has in the cache."""

    def __init__(self, made: KvCache) -> None:
        self.cache = made
        self.truth: dict[str, list[torch.Tensor]] = {}

    def read(self, one: Sequence, count: int) -> None:
        for place in range(count):
            self._store(one, place, torch.randn(1, 2, 3))

    def _store(self, one: Sequence, place: int, state: torch.Tensor) -> None:
        self.cache.store(LAYER, state, -state, torch.tensor(self.cache.slots(one, place, place + 1)))
        self.truth.setdefault(one.id, []).append(state[0])

    def step(self, *places: tuple[Sequence, int]) -> Group:
        chunks = [Chunk(one, place, 1) for one, place in places]
        group = Group.of(chunks, 0, self.cache, CPU)
        new = torch.randn(len(places), 2, 3)
        for state, (one, place) in zip(new, places, strict=True):
            self._store(one, place, state[None])
        cached = self.cache.store(
            LAYER, new, -new, torch.tensor([self.cache.slots(o, p, p + 1)[0] for o, p in places])
        )
        keys, values = group.seen(LAYER, cached, (new, -new))
        for row, (one, place) in enumerate(places):
            expected = torch.stack(self.truth[one.id][: place + 1], dim=1)
            torch.testing.assert_close(keys[row, :, : place + 1], expected)
            torch.testing.assert_close(values[row, :, : place + 1], -expected)
        assert not keys.isnan().any()
        return group


def test_the_same_sequences_are_gathered_once() -> None:
    steps, one, other = Steps(cache(1000)), sequence("one", [9, 2, 5]), sequence("other", [1, 7, 3])
    steps.read(one, 5)
    steps.read(other, 2)
    assert steps.step((one, 5), (other, 2)).slots is not None
    for more in range(1, 6):
        assert steps.step((one, 5 + more), (other, 2 + more)).slots is None


def test_who_joins_leaves_or_changes_places_is_seen_whole() -> None:
    steps, one, other = Steps(cache(1000)), sequence("one", [9, 2, 5]), sequence("other", [1, 7, 3])
    steps.read(one, 5)
    steps.read(other, 2)
    steps.step((one, 5))
    for places in ([(one, 6), (other, 2)], [(other, 3), (one, 7)], [(one, 8)]):
        assert steps.step(*places).slots is not None
    assert steps.step((one, 9)).slots is None


def test_more_than_the_window_holds_is_gathered_in_each_step() -> None:
    steps, one, other = Steps(cache(60)), sequence("one", [9, 2, 5]), sequence("other", [1, 7, 3])
    steps.read(one, 5)
    steps.read(other, 2)
    for more in range(3):
        group = steps.step((one, 5 + more), (other, 2 + more))
        assert group.slots is not None
        assert group.window is None
    assert steps.step((one, 8)).window


def test_a_window_that_is_full_is_gathered_anew() -> None:
    made = KvCache(64, 4, KvWindow(1000))
    steps, one = Steps(made), sequence("one", list(range(40)))
    gathered = [place for place in range(100) if steps.step((one, place)).slots is not None]
    assert gathered == [0, 33, 66, 99]
