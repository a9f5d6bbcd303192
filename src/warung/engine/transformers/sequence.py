"""One request on its way through the model; no torch."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from warung.engine.request import FinishReason, SamplingParams
from warung.engine.transformers.kv_blocks import Digest


class Matcher(Protocol):
    """What the answer's shape allows next."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing can follow."""
        ...

    def accept(self, token: int) -> None: ...

    def allowed(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """For every token of the vocabulary, shape (vocabulary), whether it may come next."""
        ...


@dataclass(slots=True, eq=False)
class Sequence:
    """`tokens` are the prompt's and then the answer's; the first `computed` of them stand in the KV cache, in
    `blocks`. `digests` are those of all blocks that the tokens fill, of which the first `published` can be
    found by others; `root` is what they are all based on."""

    id: str
    tokens: list[int]
    prompt_length: int
    sampling: SamplingParams
    ends: frozenset[int]
    root: Digest = b""
    matcher: Matcher | None = None
    computed: int = 0
    blocks: list[int] = field(default_factory=list[int])
    digests: list[Digest] = field(default_factory=list[Digest])
    published: int = 0
    written: Counter[int] = field(init=False)

    def __post_init__(self) -> None:
        self.written = Counter(self.tokens[self.prompt_length :])

    @property
    def produced(self) -> int:
        return len(self.tokens) - self.prompt_length

    @property
    def pending(self) -> int:
        """Tokens not yet run through the model; the last of them gives the next token."""
        return len(self.tokens) - self.computed

    def append(self, token: int) -> FinishReason | None:
        """Take the next token; the reason if it was the last."""
        self.tokens.append(token)
        self.written[token] += 1
        if token in self.ends:
            return FinishReason.STOP
        if self.matcher:
            self.matcher.accept(token)
            if self.matcher.is_complete:
                return FinishReason.STOP
        return FinishReason.LENGTH if self.produced >= self.sampling.max_tokens else None
