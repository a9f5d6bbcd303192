"""Attention over the block cache, for any model that goes through Transformers' attention interface."""

from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import torch
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface

from warung.engine.transformers.scheduler import Chunk

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

    `spare_slot` comes after all of them and is nobody's.

    A layer's tensors are made when its first keys come, so layers may differ in shape.
    """

    def __init__(self, slots: int) -> None:
        self.spare_slot = slots
        self._layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def store(
        self, layer: int, keys: torch.Tensor, values: torch.Tensor, slots: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write tokens of shape (tokens, heads, size) to their slots; the layer's tensors."""
        if layer not in self._layers:
            self._layers[layer] = (
                keys.new_empty(self.spare_slot + 1, *keys.shape[1:]),
                values.new_empty(self.spare_slot + 1, *values.shape[1:]),
            )
        cached = self._layers[layer]
        for whole, new in zip(cached, (keys, values), strict=True):
            whole.index_copy_(0, slots, new)
        return cached

    @property
    def layers(self) -> int:
        """How many layers have stored something."""
        return len(self._layers)


@dataclass(frozen=True, slots=True)
class Group:
    """Chunks of equal length that stand one after the other in the step, computed together: `count` of them,
    of `length` tokens, the first of which is the step's token number `start`. `positions`, shape (n, q), are
    those in the sequence; `slots`, shape (n, k), hold all that came before."""

    start: int
    positions: torch.Tensor
    slots: torch.Tensor

    @property
    def rows(self) -> slice:
        """The tokens' places in the step."""
        return slice(self.start, self.start + self.positions.numel())

    def mask(self, window: int | None, shared: int, dtype: torch.dtype) -> torch.Tensor:
        """What is added to the score of each query for each key: 0 for those it may see, else minus infinity.
        Shape (n, 1, shared * q, k), or (n, 1, 1, k) where q is 1."""
        keys = torch.arange(self.slots.shape[1], device=self.slots.device)
        queries = self.positions[:, None, :, None]
        hidden = keys > queries
        if window is not None:
            hidden |= keys <= queries - window
        mask = torch.zeros(hidden.shape, dtype=dtype, device=hidden.device).masked_fill(hidden, -torch.inf)
        n, _, q, k = mask.shape
        return mask if q == 1 else mask.expand(n, shared, q, k).reshape(n, 1, shared * q, k)


@dataclass(frozen=True, slots=True)
class StepLayout:
    """Where the tokens of one step are and what they see. `slots` and `positions` have shape (tokens); tokens
    beyond those of the groups only fill the step up: what is computed for them is nobody's."""

    cache: KvCache
    slots: torch.Tensor
    positions: torch.Tensor
    groups: tuple[Group, ...]
    masks: dict[tuple[Any, ...], torch.Tensor] = field(default_factory=dict[tuple[Any, ...], torch.Tensor])

    @classmethod
    def of(
        cls, chunks: list[Chunk], cache: KvCache, block_tokens: int, device: torch.device, *, fill: int = 0
    ) -> "StepLayout":
        """Of chunks with those of one token first, and `fill` tokens that fill the step up."""
        slots = [_slots(chunk, block_tokens) for chunk in chunks]
        groups: list[Group] = []
        begun = 0
        for _, members in groupby(
            range(len(chunks)), key=lambda index: -1 if chunks[index].count == 1 else index
        ):
            own = list(members)
            groups.append(_group([chunks[i] for i in own], [slots[i] for i in own], begun, device))
            begun += sum(chunks[i].count for i in own)
        new = [own[chunk.start :] for own, chunk in zip(slots, chunks, strict=True)]
        positions = [torch.arange(chunk.start, chunk.start + chunk.count) for chunk in chunks]
        return cls(
            cache=cache,
            slots=torch.cat([*new, torch.full((fill,), cache.spare_slot)]).to(device),
            positions=torch.cat([*positions, torch.zeros(fill, dtype=torch.long)]).to(device),
            groups=tuple(groups),
        )

    def mask(self, index: int, window: int | None, shared: int, dtype: torch.dtype) -> torch.Tensor:
        key = (index, window, shared, dtype)
        if key not in self.masks:
            self.masks[key] = self.groups[index].mask(window, shared, dtype)
        return self.masks[key]


def _slots(chunk: Chunk, block_tokens: int) -> torch.Tensor:
    """The slots of all tokens up to the chunk's end."""
    blocks = torch.tensor(chunk.sequence.blocks)
    slots = blocks[:, None] * block_tokens + torch.arange(block_tokens)
    return slots.view(-1)[: chunk.start + chunk.count]


def _group(chunks: list[Chunk], slots: list[torch.Tensor], start: int, device: torch.device) -> Group:
    longest = max(len(own) for own in slots)
    offsets = torch.arange(chunks[0].count)
    return Group(
        start=start,
        positions=torch.stack([chunk.start + offsets for chunk in chunks]).to(device),
        # Filled up with its own last slot: what no mask can hide, a NaN, stays with the sequence it befell.
        slots=torch.stack([pad(own, (0, longest - len(own)), value=int(own[-1])) for own in slots]).to(
            device
        ),
    )


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
    all_keys, all_values = layout.cache.store(module.layer_idx, keys, values, layout.slots)
    key_heads, shared = keys.shape[1], queries.shape[1] // keys.shape[1]
    output = queries.new_zeros(*queries.shape[:2], values.shape[2])
    for index, group in enumerate(layout.groups):
        n, q = group.positions.shape
        rows = queries[group.rows].view(n, q, key_heads, shared, -1).permute(0, 2, 3, 1, 4)
        attended = _attended(
            rows.reshape(n, key_heads, shared * q, -1),
            _seen(all_keys, group),
            _seen(all_values, group),
            layout.mask(index, sliding_window, shared, queries.dtype),
            scaling=scaling,
            softcap=softcap,
        )
        attended = attended.view(n, key_heads, shared, q, -1).permute(0, 3, 1, 2, 4)
        output[group.rows] = attended.reshape(n * q, key_heads * shared, -1)
    return output[None], None


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


def _seen(cached: torch.Tensor, group: Group) -> torch.Tensor:
    """The group's keys or values, shape (n, heads, k, size)."""
    n, k = group.slots.shape
    return cached.index_select(0, group.slots.view(-1)).view(n, k, *cached.shape[1:]).transpose(1, 2)


AttentionInterface.register(IMPLEMENTATION, attend)  # pyright: ignore[reportUnknownMemberType]  incomplete types
