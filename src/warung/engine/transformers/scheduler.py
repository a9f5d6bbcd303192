"""Decides what each step of the model works on; pure bookkeeping, no torch.

Iteration-level scheduling (Yu et al., Orca, OSDI 2022) with chunked prefill (Agrawal et al., Sarathi-Serve,
OSDI 2024): every running answer gets its next token, and what is left of the step reads prompts piece by
piece. When blocks run out, the youngest sequence gives its own back and is computed again later.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from warung.engine.request import FinishReason
from warung.engine.transformers.kv_blocks import BlockPool, chain
from warung.engine.transformers.sequence import Sequence
from warung.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Chunk:
    """`count` tokens of a sequence from `start` on, to be run through the model in this step."""

    sequence: Sequence
    start: int
    count: int

    @property
    def samples(self) -> bool:
        """Whether the sequence's next token comes of it."""
        return self.start + self.count == len(self.sequence.tokens)


@dataclass(frozen=True, slots=True)
class Limits:
    """`step_tokens` bounds a step's work, `max_running` the answers in it. While answers are being written,
    prompts are read in smaller pieces, `beside_tokens` a step in all, since every answer waits for them; more
    where many wait to be read and few answers wait for them: twice as many for as many, and so on."""

    step_tokens: int
    beside_tokens: int
    max_running: int

    def __post_init__(self) -> None:
        if self.step_tokens < self.max_running:
            raise ValueError("a step must hold one token of every running sequence")
        if not 1 <= self.beside_tokens <= self.step_tokens:
            raise ValueError("beside_tokens must lie between 1 and step_tokens")


class Scheduler:
    """First come, first served."""

    def __init__(self, pool: BlockPool, limits: Limits) -> None:
        self._pool = pool
        self._limits = limits
        self._running: list[Sequence] = []  # oldest first
        self._waiting: list[Sequence] = []

    @property
    def busy(self) -> bool:
        return bool(self._running or self._waiting)

    def add(self, sequence: Sequence) -> None:
        """Raises InvalidInput for an empty prompt, and when the cache could not even hold this one alone."""
        if not sequence.tokens:
            raise InvalidInput("the messages come to no tokens at all; say something", field="messages")
        limit = self._pool.count * self._pool.block_tokens
        longest = sequence.prompt_length + sequence.sampling.max_tokens
        if longest > limit:
            raise InvalidInput(
                f"the KV cache holds {limit} tokens; the messages and max_tokens come to {longest}."
                " Shorten the messages or lower max_tokens",
                field="messages",
                code="context_length_exceeded",
            )
        self._digest(sequence)
        self._waiting.append(sequence)

    def remove(self, sequence_id: str) -> None:
        """Forget a sequence; unknown ids are ignored."""
        for queue in (self._running, self._waiting):
            for sequence in queue:
                if sequence.id == sequence_id:
                    queue.remove(sequence)
                    self._release(sequence)
                    return

    def plan(self) -> list[Chunk]:
        """The next step: one token of each running answer first, then pieces of prompts."""
        chunks: dict[str, Chunk] = {}
        for sequence in sorted(self._running, key=lambda sequence: sequence.pending > 1):
            if sequence in self._running:
                self._take(sequence, chunks)
        for sequence in list(self._waiting):
            if not self._room(chunks) or len(self._running) >= self._limits.max_running:
                break
            if self._is_underway(sequence):
                continue
            if not self._admit(sequence, chunks):
                break
        return list(chunks.values())

    def _admit(self, sequence: Sequence, chunks: dict[str, Chunk]) -> bool:
        """Whether the sequence, one that waits, found room."""
        self._share_prefix(sequence)
        if not self._fits(sequence, min(sequence.pending, self._room(chunks))):
            self._release(sequence)  # what waits holds no block
            return False
        self._waiting.remove(sequence)
        self._running.append(sequence)
        self._take(sequence, chunks)
        return True

    def _is_underway(self, sequence: Sequence) -> bool:
        """Whether a running sequence reads the very block that this one would begin with: it can be found in
        the cache soon, and reading it twice would take longer."""
        known = 0
        while known < len(sequence.digests) and self._pool.knows(sequence.digests[known]):
            known += 1
        wanted = sequence.digests[known : known + 1]
        return bool(wanted) and any(
            other.pending > 1 and other.digests[known : known + 1] == wanted for other in self._running
        )

    def _room(self, chunks: Mapping[str, Chunk]) -> int:
        """Tokens of prompts that the step can still hold."""
        taken = sum(chunk.count for chunk in chunks.values())
        answers = sum(chunk.count == 1 and chunk.samples for chunk in chunks.values())
        limits = self._limits
        if not answers:
            return limits.step_tokens - taken
        unread = len(self._waiting) + sum(sequence.pending > 1 for sequence in self._running)
        beside = int(limits.beside_tokens * max(1, 2 * unread / answers))
        return max(0, min(beside - (taken - answers), limits.step_tokens - taken))

    def _take(self, sequence: Sequence, chunks: dict[str, Chunk]) -> None:
        """Put a piece of the sequence into the step, at the cost of younger ones if need be."""
        count = 1 if sequence.pending == 1 else min(sequence.pending, self._room(chunks))
        if not count:
            return
        while not (fitting := min(count, self._capacity(sequence))):
            youngest = self._running[-1]
            self._preempt(youngest)
            chunks.pop(youngest.id, None)
            if youngest is sequence:
                return
        for _ in range(self._missing(sequence, fitting)):
            block = self._pool.allocate()
            assert block is not None, "the pool was asked before"  # noqa: S101  an invariant, not a check
            sequence.blocks.append(block)
        chunks[sequence.id] = Chunk(sequence, sequence.computed, fitting)

    def _capacity(self, sequence: Sequence) -> int:
        """Tokens that the sequence's own blocks and the available ones can still hold."""
        blocks = len(sequence.blocks) + self._pool.available
        return blocks * self._pool.block_tokens - sequence.computed

    def _missing(self, sequence: Sequence, count: int) -> int:
        """Blocks that the sequence needs beside its own for `count` more tokens."""
        needed = -(-(sequence.computed + count) // self._pool.block_tokens)
        return max(0, needed - len(sequence.blocks))

    def _fits(self, sequence: Sequence, count: int) -> bool:
        return self._missing(sequence, count) <= self._pool.available

    def _preempt(self, sequence: Sequence) -> None:
        self._running.remove(sequence)
        self._release(sequence)
        self._waiting.insert(0, sequence)

    def _release(self, sequence: Sequence) -> None:
        self._pool.release(sequence.blocks)
        sequence.blocks, sequence.published, sequence.computed = [], 0, 0

    def _digest(self, sequence: Sequence) -> None:
        """Note the digests of the blocks that were filled since."""
        size = self._pool.block_tokens
        for index in range(len(sequence.digests), len(sequence.tokens) // size):
            parent = sequence.digests[-1] if sequence.digests else sequence.root
            sequence.digests.append(chain(parent, sequence.tokens[index * size : (index + 1) * size]))

    def _share_prefix(self, sequence: Sequence) -> None:
        """Take over the blocks of an equal beginning that was computed before. The last token is always
        computed anew, since the next one comes of it."""
        for digest in sequence.digests[: (len(sequence.tokens) - 1) // self._pool.block_tokens]:
            block = self._pool.find(digest)
            if block is None:
                break
            sequence.blocks.append(block)
        sequence.published = len(sequence.blocks)
        sequence.computed = sequence.published * self._pool.block_tokens

    def advance(
        self, chunks: list[Chunk], sampled: Mapping[str, int]
    ) -> list[tuple[Sequence, FinishReason | None]]:
        """Note what a step computed. The sequences that got a token, with the reason if it was their last."""
        grown: list[tuple[Sequence, FinishReason | None]] = []
        for chunk in chunks:
            sequence = chunk.sequence
            sequence.computed += chunk.count
            self._publish(sequence)
            if sequence.id not in sampled:
                continue
            reason = sequence.append(sampled[sequence.id])
            grown.append((sequence, reason))
            if reason:
                self._running.remove(sequence)
                self._release(sequence)
        return grown

    def _publish(self, sequence: Sequence) -> None:
        self._digest(sequence)
        for index in range(sequence.published, sequence.computed // self._pool.block_tokens):
            self._pool.publish(sequence.blocks[index], sequence.digests[index])
            sequence.published = index + 1
