"""The scheduler under random work, with a model whose next token depends on every token before it.

The model reads through the blocks like a real one: what a step runs is written into them, and the next token
is computed from what they hold. A block that was given away too early, shared wrongly or never filled shows.
"""

# What is tested is mostly bookkeeping that no public name shows.
# pyright: reportPrivateUsage=false

import random
import zlib
from dataclasses import dataclass, field

import pytest

from warung.engine.request import FinishReason, SamplingParams
from warung.engine.transformers.kv_blocks import BlockPool
from warung.engine.transformers.scheduler import Chunk, Limits, Scheduler
from warung.engine.transformers.sequence import Sequence
from warung.errors import InvalidInput

END = 0
VOCABULARY = 40


def next_token(tokens: list[int]) -> int:
    return zlib.crc32(bytes(tokens)) % VOCABULARY


def alone(prompt: list[int], max_tokens: int) -> list[int]:
    tokens = list(prompt)
    while len(tokens) - len(prompt) < max_tokens:
        tokens.append(next_token(tokens))
        if tokens[-1] == END:
            break
    return tokens[len(prompt) :]


@dataclass
class House:
    """A scheduler, its pool and the contents of the blocks."""

    blocks: int = 8
    block_tokens: int = 4
    step_tokens: int = 16
    max_running: int = 8
    beside_tokens: int | None = None
    computed: int = 0
    steps: int = 0
    preempted: int = 0
    answers: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    ended: dict[str, FinishReason] = field(default_factory=dict[str, FinishReason])

    def __post_init__(self) -> None:
        self.pool = BlockPool(self.blocks, self.block_tokens)
        self.beside_tokens = self.beside_tokens or self.step_tokens
        limits = Limits(self.step_tokens, self.beside_tokens, self.max_running)
        self.scheduler = Scheduler(self.pool, limits)
        self.slots: dict[tuple[int, int], int] = {}

    def add(self, name: str, prompt: list[int], max_tokens: int) -> Sequence:
        sampling = SamplingParams(max_tokens=max_tokens)
        sequence = Sequence(name, list(prompt), len(prompt), sampling, frozenset({END}))
        self.scheduler.add(sequence)
        self.answers[name] = []
        return sequence

    def step(self) -> list[Chunk]:
        decoding = [sequence for sequence in self.scheduler._running if sequence.pending == 1]
        running = list(self.scheduler._running)
        chunks = self.scheduler.plan()
        assert chunks, "a step with nothing to do"
        self._check(chunks, decoding)
        now = self.scheduler._running
        self.preempted += sum(sequence not in now for sequence in running)
        for chunk in chunks:
            self._write(chunk)
        sampled = {chunk.sequence.id: self._read(chunk.sequence) for chunk in chunks if chunk.samples}
        grown = self.scheduler.advance(chunks, sampled)
        assert [sequence.id for sequence, _ in grown] == list(sampled)
        for sequence, reason in grown:
            self.answers[sequence.id].append(sequence.tokens[-1])
            if reason:
                self.ended[sequence.id] = reason
        self.steps += 1
        return chunks

    def _check(self, chunks: list[Chunk], decoding: list[Sequence]) -> None:
        worked_on = [chunk.sequence for chunk in chunks]
        assert len({sequence.id for sequence in worked_on}) == len(chunks) <= self.max_running
        assert sum(chunk.count for chunk in chunks) <= self.step_tokens
        answers = [chunk for chunk in chunks if chunk.count == 1 and chunk.samples]
        if going_on := sum(chunk.sequence in decoding for chunk in answers):
            read = sum(chunk.count for chunk in chunks) - len(answers)
            others = len(self.scheduler._waiting) + len(self.scheduler._running) - going_on
            assert read <= (self.beside_tokens or self.step_tokens) * max(1, 2 * others / going_on)
        running = self.scheduler._running
        assert all(sequence in running for sequence in worked_on)
        assert all(sequence in worked_on for sequence in decoding if sequence in running)
        for waiting in self.scheduler._waiting:
            assert (waiting.blocks, waiting.published, waiting.computed) == ([], 0, 0)
        held = {block for sequence in running for block in sequence.blocks}
        assert len(held) == self.blocks - self.pool.available

    def _write(self, chunk: Chunk) -> None:
        """As in a forward pass; a block is written by one sequence only, and never one that others read."""
        assert chunk.count > 0
        assert chunk.start == chunk.sequence.computed
        self.computed += chunk.count
        for place in range(chunk.start, chunk.start + chunk.count):
            block = chunk.sequence.blocks[place // self.block_tokens]
            assert self.pool._references[block] == 1
            self.slots[block, place % self.block_tokens] = chunk.sequence.tokens[place]

    def _read(self, sequence: Sequence) -> int:
        size = self.block_tokens
        places = range(len(sequence.tokens))
        return next_token([self.slots[sequence.blocks[at // size], at % size] for at in places])

    def finish(self) -> None:
        while self.scheduler.busy:
            self.step()
        assert self.pool.available == self.blocks


def prompts(chance: random.Random, count: int, longest: int) -> list[list[int]]:
    """Many begin alike, some are equal."""
    trunks = [[chance.randrange(1, VOCABULARY) for _ in range(longest)] for _ in range(3)]
    made: list[list[int]] = []
    for _ in range(count):
        shared = chance.choice(trunks)[: chance.randrange(longest)]
        own = chance.randrange(3) and chance.randrange(longest - len(shared) + 1)
        made.append([*shared, *(chance.randrange(1, VOCABULARY) for _ in range(own))] or [1])
    return made


@pytest.mark.parametrize("seed", range(120))
def test_each_answer_is_the_one_it_would_be_alone(seed: int) -> None:
    chance = random.Random(seed)
    max_running = chance.randint(1, 6)
    house = House(
        blocks=chance.choice([6, 8, 12, 40]),
        block_tokens=chance.choice([1, 3, 4, 8]),
        step_tokens=max_running + chance.choice([0, 1, 5, 30]),
        max_running=max_running,
        beside_tokens=chance.choice([None, 1, max_running]),
    )
    room = house.blocks * house.block_tokens
    asked: dict[str, list[int]] = {}
    coming = list(enumerate(prompts(chance, 25, max(2, room // 2))))
    while coming or house.scheduler.busy:
        while coming and (chance.random() < 0.4 or not house.scheduler.busy):
            number, prompt = coming.pop()
            max_tokens = chance.randint(1, min(24, room - len(prompt)))
            house.add(str(number), prompt, max_tokens)
            asked[str(number)] = alone(prompt, max_tokens)
        house.step()
        if chance.random() < 0.06:
            gone = chance.choice(list(asked))
            house.scheduler.remove(gone)
            if gone not in house.ended:
                assert house.answers[gone] == asked.pop(gone)[: len(house.answers.pop(gone))]
    assert house.pool.available == house.blocks
    assert {name: house.answers[name] for name in asked} == asked
    for name, answer in asked.items():
        assert house.ended[name] is (FinishReason.STOP if answer[-1] == END else FinishReason.LENGTH)


@pytest.mark.parametrize("seed", range(10))
def test_nobody_waits_longer_than_all_before_it_take_one_after_the_other(seed: int) -> None:
    chance = random.Random(seed)
    house = House(blocks=10, step_tokens=8, max_running=4)
    work = [(prompt, chance.randint(1, 12)) for prompt in prompts(chance, 60, 24)]
    bound = 0
    for number, (prompt, max_tokens) in enumerate(work):
        house.add(str(number), prompt, max_tokens)
    for number, (prompt, max_tokens) in enumerate(work):
        # Alone, a sequence reads at least 5 prompt tokens a step, and once more after each time it gave way.
        bound += -(-len(prompt) // 5) + 2 * max_tokens + 4
        while str(number) not in house.ended:
            house.step()
        assert house.steps <= bound
    house.finish()
    assert house.preempted


def test_the_oldest_is_never_made_to_give_way() -> None:
    house = House(blocks=6, block_tokens=2, step_tokens=4, max_running=4)
    oldest = house.add("oldest", [1, 2, 3], 9)
    for number in range(4):
        house.add(str(number), [4 + number] * 5, 7)
    while "oldest" not in house.ended:
        assert oldest in [chunk.sequence for chunk in house.step()]
    house.finish()
    assert house.preempted


def test_what_gave_way_comes_back_before_what_came_later() -> None:
    house = House(blocks=4, block_tokens=2, step_tokens=8, max_running=3)
    for name, prompt in (("a", [11, 11]), ("b", [12, 12]), ("c", [13, 13])):
        house.add(name, prompt, 6)
    first_answers: list[str] = []
    while house.scheduler.busy:
        ages = [sequence.id for sequence in [*house.scheduler._running, *house.scheduler._waiting]]
        assert ages == sorted(ages)
        house.step()
        first_answers += [name for name, got in house.answers.items() if got and name not in first_answers]
    assert first_answers == ["a", "b", "c"]
    assert house.preempted


def test_an_equal_beginning_is_computed_once() -> None:
    house = House(blocks=20, block_tokens=4)
    prompt = [chance % 39 + 1 for chance in range(18)]
    house.add("first", prompt, 3)
    house.finish()
    before = house.computed
    house.add("second", [*prompt, 7, 7], 1)
    house.finish()
    assert house.computed - before == 20 - 16
    assert house.answers["second"] == alone([*prompt, 7, 7], 1)


def test_a_prompt_of_whole_blocks_still_computes_its_last_token() -> None:
    house = House(blocks=20, block_tokens=4)
    for name in ("first", "second"):
        before = house.computed
        house.add(name, [5] * 8, 1)
        house.finish()
    assert house.computed - before == 4
    assert house.answers["second"] == alone([5] * 8, 1)


def test_an_answer_that_gave_way_takes_over_its_own_tokens_again() -> None:
    house = House(blocks=12, block_tokens=2, step_tokens=8)
    sequence = house.add("one", [3, 3, 3], 12)
    while sequence.produced < 6:
        house.step()
    house.scheduler._preempt(sequence)
    chunk = house.step()[0]
    assert (chunk.start, chunk.count) == (8, 1)
    house.finish()
    assert house.answers["one"] == alone([3, 3, 3], 12)


def test_what_can_never_fit_is_refused() -> None:
    house = House(blocks=3, block_tokens=4)
    house.add("fits", [1] * 8, 4)
    with pytest.raises(InvalidInput) as caught:
        house.add("too long", [1] * 8, 5)
    assert (caught.value.field, caught.value.code) == ("messages", "context_length_exceeded")
    with pytest.raises(InvalidInput, match="no tokens"):
        house.add("empty", [], 5)
    house.finish()
    assert house.answers == {"fits": alone([1] * 8, 4)}


def test_a_step_holds_a_token_of_every_running_sequence() -> None:
    with pytest.raises(ValueError, match="every running"):
        House(step_tokens=3, max_running=4)


@pytest.mark.parametrize("state", ["waiting", "reading", "answering", "gave way"])
def test_one_is_forgotten_in_every_state(state: str) -> None:
    house = House(blocks=10, block_tokens=2, step_tokens=4, max_running=2)
    neighbour = house.add("neighbour", [9, 8, 7], 8)
    gone = house.add("gone", list(range(1, 9)), 6)
    if state != "waiting":
        house.step()
        assert 0 < gone.computed < 8
    if state in {"answering", "gave way"}:
        while not gone.produced:
            house.step()
    if state == "gave way":
        house.scheduler._preempt(gone)
    house.scheduler.remove("gone")
    house.scheduler.remove("never was")
    seen = [chunk.sequence for _ in range(3) for chunk in house.step()]
    assert set(seen) == {neighbour}
    house.finish()
    assert house.answers["neighbour"] == alone([9, 8, 7], 8)
