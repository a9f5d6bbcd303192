"""One request on its way through the model; no torch."""

from dataclasses import dataclass, field

from warung.engine.request import FinishReason, SamplingParams
from warung.engine.transformers.kv_blocks import Digest


@dataclass(slots=True, eq=False)
class Sequence:
    """`tokens` are the prompt's and then the answer's; the first `computed` of them stand in the KV cache, in
    `blocks`. `digests` are those of the blocks that others may share."""

    id: str
    tokens: list[int]
    sampling: SamplingParams
    ends: frozenset[int]
    prompt_length: int = field(init=False)
    computed: int = 0
    blocks: list[int] = field(default_factory=list[int])
    digests: list[Digest] = field(default_factory=list[Digest])

    def __post_init__(self) -> None:
        self.prompt_length = len(self.tokens)

    @property
    def produced(self) -> int:
        return len(self.tokens) - self.prompt_length

    @property
    def pending(self) -> int:
        """Tokens not yet run through the model; the last of them gives the next token."""
        return len(self.tokens) - self.computed

    @property
    def finish_reason(self) -> FinishReason | None:
        if self.produced and self.tokens[-1] in self.ends:
            return FinishReason.STOP
        return FinishReason.LENGTH if self.produced >= self.sampling.max_tokens else None
