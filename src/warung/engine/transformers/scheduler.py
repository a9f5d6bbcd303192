"""Decides what each step of the model works on; pure bookkeeping, no torch.

Iteration-level scheduling (Yu et al., Orca, OSDI 2022) with chunked prefill (Agrawal et al., Sarathi-Serve,
OSDI 2024): every running answer gets its next token, and what is left of the step reads prompts piece by
piece. When blocks run out, the youngest sequence gives its own back and is computed again later.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from warung.engine.request import FinishReason
from warung.engine.transformers.kv_blocks import BlockPool, Digest, chain
from warung.engine.transformers.sequence import Sequence
from warung.errors import InvalidInput

_ROOT: Final[Digest] = b""


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


class Scheduler:
    """First come, first served. `step_tokens` bounds a step's work, `max_running` the answers in it."""

    def __init__(self, pool: BlockPool, *, step_tokens: int, max_running: int) -> None:
        if step_tokens < max_running:
            raise ValueError("a step must hold one token of every running sequence")
        self._pool = pool
        self._step_tokens = step_tokens
        self._max_running = max_running
        self._running: list[Sequence] = []  # oldest first
        self._waiting: deque[Sequence] = deque()

    @property
    def busy(self) -> bool:
        return bool(self._running or self._waiting)

    def add(self, sequence: Sequence) -> None:
        """Raises InvalidInput for an empty prompt, and when the cache could not even hold this one alone."""
        if not sequence.tokens:
            raise InvalidInput("the messages come to no tokens at all; say something", field="messages")
        limit = self._pool.count * self._pool.block_tokens
        longest = len(sequence.tokens) + sequence.sampling.max_tokens
        if longest > limit:
            raise InvalidInput(
                f"the KV cache holds {limit} tokens; the messages and max_tokens come to {longest}."
                " Shorten the messages or lower max_tokens",
                field="messages",
                code="context_length_exceeded",
            )
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
        while self._waiting and self._room(chunks) and len(self._running) < self._max_running:
            sequence = self._waiting[0]
            self._share_prefix(sequence)
            if not self._fits(sequence, min(sequence.pending, self._room(chunks))):
                self._release(sequence)  # what waits holds no block
                break
            self._running.append(self._waiting.popleft())
            self._take(sequence, chunks)
        return list(chunks.values())

    def _room(self, chunks: Mapping[str, Chunk]) -> int:
        return self._step_tokens - sum(chunk.count for chunk in chunks.values())

    def _take(self, sequence: Sequence, chunks: dict[str, Chunk]) -> None:
        """Put a piece of the sequence into the step, at the cost of younger ones if need be."""
        count = min(sequence.pending, self._room(chunks))
        while count and not self._fits(sequence, count):
            youngest = self._running[-1]
            self._preempt(youngest)
            chunks.pop(youngest.id, None)
            if youngest is sequence:
                return
        if not count:
            return
        for _ in range(self._missing(sequence, count)):
            block = self._pool.allocate()
            assert block is not None, "the pool was asked before"  # noqa: S101  an invariant, not a check
            sequence.blocks.append(block)
        chunks[sequence.id] = Chunk(sequence, sequence.computed, count)

    def _missing(self, sequence: Sequence, count: int) -> int:
        """Blocks that the sequence needs beside its own for `count` more tokens."""
        needed = -(-(sequence.computed + count) // self._pool.block_tokens)
        return max(0, needed - len(sequence.blocks))

    def _fits(self, sequence: Sequence, count: int) -> bool:
        return self._missing(sequence, count) <= self._pool.available

    def _preempt(self, sequence: Sequence) -> None:
        self._running.remove(sequence)
        self._release(sequence)
        self._waiting.appendleft(sequence)

    def _release(self, sequence: Sequence) -> None:
        self._pool.release(sequence.blocks)
        sequence.blocks, sequence.digests, sequence.computed = [], [], 0

    def _share_prefix(self, sequence: Sequence) -> None:
        """Take over the blocks of an equal beginning that was computed before. The last token is always
        computed anew, since the next one comes of it."""
        size = self._pool.block_tokens
        for start in range(0, len(sequence.tokens) - size, size):
            digest = chain(self._parent(sequence), sequence.tokens[start : start + size])
            block = self._pool.find(digest)
            if block is None:
                break
            sequence.blocks.append(block)
            sequence.digests.append(digest)
        sequence.computed = len(sequence.blocks) * size

    def _parent(self, sequence: Sequence) -> Digest:
        return sequence.digests[-1] if sequence.digests else _ROOT

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
            sequence.tokens.append(sampled[sequence.id])
            reason = sequence.finish_reason
            grown.append((sequence, reason))
            if reason:
                self._running.remove(sequence)
                self._release(sequence)
        return grown

    def _publish(self, sequence: Sequence) -> None:
        size = self._pool.block_tokens
        for index in range(len(sequence.digests), sequence.computed // size):
            digest = chain(self._parent(sequence), sequence.tokens[index * size : (index + 1) * size])
            sequence.digests.append(digest)
            self._pool.publish(sequence.blocks[index], digest)
