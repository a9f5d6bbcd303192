"""Attention over the block cache, for any model that goes through Transformers' attention interface."""

from dataclasses import dataclass, field
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

    A layer's tensors are made when its first keys come, so layers may differ in shape.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
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


@dataclass(frozen=True, slots=True)
class Group:
    """Chunks of equal length, computed together. `rows`, shape (n, q), are their tokens' places in the step,
    `positions`, shape (n, q), those in the sequence; `slots`, shape (n, k), hold all that came before."""

    rows: torch.Tensor
    positions: torch.Tensor
    slots: torch.Tensor

    def mask(self, window: int | None) -> torch.Tensor:
        """Which keys each query may see, shape (n, 1, q, k)."""
        keys = torch.arange(self.slots.shape[1], device=self.slots.device)
        queries = self.positions[:, None, :, None]
        seen = keys <= queries
        return seen if window is None else seen & (keys > queries - window)


@dataclass(frozen=True, slots=True)
class StepLayout:
    """Where the tokens of one step are and what they see. `slots` and `positions` have shape (tokens)."""

    cache: KvCache
    slots: torch.Tensor
    positions: torch.Tensor
    groups: tuple[Group, ...]
    masks: dict[tuple[int, int | None], torch.Tensor] = field(
        default_factory=dict[tuple[int, int | None], torch.Tensor]
    )

    @classmethod
    def of(cls, chunks: list[Chunk], cache: KvCache, block_tokens: int, device: torch.device) -> "StepLayout":
        slots = [_slots(chunk, block_tokens) for chunk in chunks]
        starts = [0]
        for chunk in chunks:
            starts.append(starts[-1] + chunk.count)
        members: dict[int, list[int]] = {}
        for index, chunk in enumerate(chunks):
            # Decodes share one call; a piece of a prompt is a call of its own.
            members.setdefault(0 if chunk.count == 1 else index + 1, []).append(index)
        return cls(
            cache=cache,
            slots=torch.cat([own[chunk.start :] for own, chunk in zip(slots, chunks, strict=True)]).to(
                device
            ),
            positions=torch.cat([torch.arange(c.start, c.start + c.count) for c in chunks]).to(device),
            groups=tuple(
                _group([chunks[i] for i in own], [slots[i] for i in own], [starts[i] for i in own], device)
                for own in members.values()
            ),
        )

    def mask(self, index: int, window: int | None) -> torch.Tensor:
        key = (index, window)
        if key not in self.masks:
            self.masks[key] = self.groups[index].mask(window)
        return self.masks[key]


def _slots(chunk: Chunk, block_tokens: int) -> torch.Tensor:
    """The slots of all tokens up to the chunk's end."""
    blocks = torch.tensor(chunk.sequence.blocks)
    slots = blocks[:, None] * block_tokens + torch.arange(block_tokens)
    return slots.view(-1)[: chunk.start + chunk.count]


def _group(chunks: list[Chunk], slots: list[torch.Tensor], starts: list[int], device: torch.device) -> Group:
    longest = max(len(own) for own in slots)
    offsets = torch.arange(chunks[0].count)
    return Group(
        rows=torch.stack([start + offsets for start in starts]).to(device),
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
    output = queries.new_empty(*queries.shape[:2], values.shape[2])
    for index, group in enumerate(layout.groups):
        n, q = group.rows.shape
        rows = queries[group.rows].view(n, q, key_heads, shared, -1).permute(0, 2, 3, 1, 4)
        mask = layout.mask(index, sliding_window).expand(n, shared, q, -1).reshape(n, 1, shared * q, -1)
        seen = _seen(all_keys, group), _seen(all_values, group)
        attended = _attended(
            rows.reshape(n, key_heads, shared * q, -1), *seen, mask, scaling=scaling, softcap=softcap
        )
        attended = attended.view(n, key_heads, shared, q, -1).permute(0, 3, 1, 2, 4)
        output[group.rows] = attended.reshape(n, q, key_heads * shared, -1)
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
    weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1, dtype=torch.float32)
    return weights.to(values.dtype) @ values


def _seen(cached: torch.Tensor, group: Group) -> torch.Tensor:
    """The group's keys or values, shape (n, heads, k, size)."""
    n, k = group.slots.shape
    return cached.index_select(0, group.slots.view(-1)).view(n, k, *cached.shape[1:]).transpose(1, 2)


AttentionInterface.register(IMPLEMENTATION, attend)  # pyright: ignore[reportUnknownMemberType]  incomplete types
