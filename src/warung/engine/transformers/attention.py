"""Attention over the block cache, for any model that goes through Transformers' attention interface."""

from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from warung.engine.transformers.kv_window import KvWindow
from warung.engine.transformers.scheduler import Chunk
from warung.engine.transformers.sequence import Sequence as TokenSequence

IMPLEMENTATION = "warung_blocks"
# What models hand to their attention that changes nothing here: positions are in the keys already.
_WITHOUT_EFFECT = frozenset(
    {
        "dropout",
        "is_causal",
        "position_ids",
        "position_embeddings",
        "use_cache",
        "output_attentions",
        "cache_position",
    }
)


class UnsupportedAttention(Exception):
    """The model wants something of its attention that is not computed here."""


class KvCache:
    """Keys and values of every layer, tensors (slots, heads, size); slot = block * block_tokens + place.

    A layer's tensors are made when its first keys come, so layers may differ in shape. `window` holds copies
    of what is read the most.
    """

    def __init__(self, blocks: int, block_tokens: int, window: KvWindow) -> None:
        self._slots = blocks * block_tokens
        self._block_tokens = block_tokens
        self.window = window
        self._layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def store(
        self, layer: int, keys: torch.Tensor, values: torch.Tensor, slots: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write tokens of shape (tokens, heads, size) to their slots; the layer's tensors."""
        if layer not in self._layers:
            self._layers[layer] = (
                keys.new_empty(self._slots, *keys.shape[1:]),
                values.new_empty(self._slots, *values.shape[1:]),
            )
        cached = self._layers[layer]
        for whole, new in zip(cached, (keys, values), strict=True):
            whole.index_copy_(0, slots, new)
        return cached

    @property
    def layers(self) -> int:
        """How many layers have stored something."""
        return len(self._layers)

    def slots(self, sequence: TokenSequence, start: int, end: int) -> list[int]:
        """The slots of the sequence's tokens from `start` up to `end`."""
        size = self._block_tokens
        return [sequence.blocks[place // size] * size + place % size for place in range(start, end)]


@dataclass(frozen=True, slots=True)
class Group:
    """Chunks of equal length that stand one after the other in the step, computed together; the first of
    their tokens is the step's token number `start`. `positions`, shape (n, q), are those in the sequence,
    which see at most `length` tokens. These are gathered from `slots`, shape (n, length or more), or stand in
    the `window`; without slots, all but the step's own tokens stand there already."""

    start: int
    positions: torch.Tensor
    length: int
    slots: torch.Tensor | None
    window: KvWindow | None = None

    @classmethod
    def of(cls, chunks: list[Chunk], start: int, cache: KvCache, device: torch.device) -> "Group":
        length = max(chunk.start + chunk.count for chunk in chunks)
        positions = [list(range(chunk.start, chunk.start + chunk.count)) for chunk in chunks]
        single = chunks[0].count == 1
        window = cache.window if single and cache.window.follow(chunks, device) else None
        slots = None
        if not window or window.is_empty:
            slots = _filled_up(chunks, cache, window.room if window else length).to(device)
        return cls(start, torch.tensor(positions, device=device), length, slots, window)

    @property
    def rows(self) -> slice:
        """The tokens' places in the step."""
        return slice(self.start, self.start + self.positions.numel())

    def mask(self, window: int | None, shared: int, dtype: torch.dtype) -> torch.Tensor:
        """What is added to the score of each query for each key: 0 for those it may see, else minus infinity.
        Shape (n, 1, shared * q, k), or (n, 1, 1, k) where q is 1."""
        keys = torch.arange(self.length, device=self.positions.device)
        queries = self.positions[:, None, :, None]
        hidden = keys > queries
        if window is not None:
            hidden |= keys <= queries - window
        mask = torch.zeros(hidden.shape, dtype=dtype, device=hidden.device).masked_fill(hidden, -torch.inf)
        n, _, q, k = mask.shape
        return mask if q == 1 else mask.expand(n, shared, q, k).reshape(n, 1, shared * q, k)

    def seen(
        self, layer: int, cached: tuple[torch.Tensor, torch.Tensor], new: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of shape (n, heads, length, size): from those of the layer in the cache, and of the
        step's tokens."""
        if self.slots is not None:
            n, room = self.slots.shape
            keys, values = (
                states.index_select(0, self.slots.view(-1)).view(n, room, *states.shape[1:])
                for states in cached
            )
            if self.window:
                self.window.fill(layer, keys, values)
        else:
            assert self.window  # noqa: S101  an invariant, not a check
            keys, values = self.window.append(layer, *(states[self.rows] for states in new))
        return keys[:, : self.length].transpose(1, 2), values[:, : self.length].transpose(1, 2)


def _filled_up(chunks: list[Chunk], cache: KvCache, room: int) -> torch.Tensor:
    """The slots of all that each chunk sees, shape (n, room); filled up with its own last slot: what no mask
    can hide, a NaN, stays with the sequence it befell."""
    rows = [cache.slots(chunk.sequence, 0, chunk.start + chunk.count) for chunk in chunks]
    return torch.tensor([own + own[-1:] * (room - len(own)) for own in rows])


@dataclass(frozen=True, slots=True)
class StepLayout:
    """Where the tokens of one step are and what they see. `slots` and `positions` have shape (tokens)."""

    cache: KvCache
    slots: torch.Tensor
    positions: torch.Tensor
    groups: tuple[Group, ...]
    masks: dict[tuple[Any, ...], torch.Tensor] = field(default_factory=dict[tuple[Any, ...], torch.Tensor])

    @classmethod
    def of(cls, chunks: list[Chunk], cache: KvCache, device: torch.device) -> "StepLayout":
        """Of chunks with those of one token first."""
        groups: list[Group] = []
        begun = 0
        for _, members in groupby(enumerate(chunks), key=lambda one: -1 if one[1].count == 1 else one[0]):
            own = [chunk for _, chunk in members]
            groups.append(Group.of(own, begun, cache, device))
            begun += sum(chunk.count for chunk in own)
        ends = [(chunk, chunk.start + chunk.count) for chunk in chunks]
        slots = [slot for chunk, end in ends for slot in cache.slots(chunk.sequence, chunk.start, end)]
        return cls(
            cache=cache,
            slots=torch.tensor(slots, device=device),
            positions=torch.cat([group.positions.view(-1) for group in groups]),
            groups=tuple(groups),
        )

    def mask(self, index: int, window: int | None, shared: int, dtype: torch.dtype) -> torch.Tensor:
        key = (index, window, shared, dtype)
        if key not in self.masks:
            self.masks[key] = self.groups[index].mask(window, shared, dtype)
        return self.masks[key]


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    layout: StepLayout,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Transformers' attention interface: `query` (1, heads, tokens, size) holds the step's tokens of all
    sequences one after the other; the answer has shape (1, tokens, heads, size).

    The query heads that share a key head are laid out as more queries of that head, so that keys and values
    are never copied for them. Raises UnsupportedAttention for anything that would be left out of the result.
    """
    _require_plain(module, attention_mask, others)
    queries, keys, values = (states[0].transpose(0, 1) for states in (query, key, value))
    cached = layout.cache.store(module.layer_idx, keys, values, layout.slots)
    key_heads, shared = keys.shape[1], queries.shape[1] // keys.shape[1]
    parts: list[torch.Tensor] = []
    for index, group in enumerate(layout.groups):
        n, q = group.positions.shape
        rows = queries[group.rows].view(n, q, key_heads, shared, -1).permute(0, 2, 3, 1, 4)
        seen_keys, seen_values = group.seen(module.layer_idx, cached, (keys, values))
        attended = _attended(
            rows.reshape(n, key_heads, shared * q, -1),
            seen_keys,
            seen_values,
            layout.mask(index, sliding_window, shared, queries.dtype),
            scaling=scaling,
            softcap=softcap,
        )
        attended = attended.view(n, key_heads, shared, q, -1).permute(0, 3, 1, 2, 4)
        parts.append(attended.reshape(n * q, key_heads * shared, -1))
    return (parts[0] if len(parts) == 1 else torch.cat(parts))[None], None


def _require_plain(module: Any, attention_mask: torch.Tensor | None, others: dict[str, Any]) -> None:
    asked = sorted(
        name for name, value in others.items() if value is not None and name not in _WITHOUT_EFFECT
    )
    if attention_mask is not None:
        asked.append("attention_mask")
    if not getattr(module, "is_causal", True):
        asked.append("is_causal=False")
    if asked:
        raise UnsupportedAttention(f"its attention asks for {', '.join(asked)}")


def _attended(
    queries: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor,
    *,
    scaling: float | None,
    softcap: float | None,
) -> torch.Tensor:
    """`softcap` bends the scores into (-softcap, softcap) before the mask, as in Gemma 2."""
    if softcap is None:
        return scaled_dot_product_attention(queries, keys, values, attn_mask=mask, scale=scaling)
    scale = scaling if scaling is not None else queries.shape[-1] ** -0.5
    scores = torch.tanh(queries @ keys.transpose(-1, -2) * (scale / softcap)) * softcap
    weights = (scores + mask).softmax(dim=-1, dtype=torch.float32)
    return weights.to(values.dtype) @ values


AttentionInterface.register(IMPLEMENTATION, attend)  # pyright: ignore[reportUnknownMemberType]  incomplete types
