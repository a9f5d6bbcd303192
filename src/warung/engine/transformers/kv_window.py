"""Copies of the keys and values that the running answers attend to, side by side, so that a step needn't
gather them from the blocks of the cache; knows no attention."""

# The model library carries no complete types.
# pyright: reportUnknownMemberType=false

import torch

from warung.engine.transformers.scheduler import Chunk
from warung.engine.transformers.sequence import Sequence

# The more room for tokens to come, the fewer the gatherings, and the more each has to copy.
_SLACK_TOKENS = 32


class KvWindow:
    """Serves as long as the same sequences go on by one token each; holds at most `most_tokens` in all."""

    def __init__(self, most_tokens: int) -> None:
        self._most_tokens = most_tokens
        self._members: list[tuple[Sequence, int]] = []  # with the number of their tokens that stand here
        self._layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._places = torch.empty(0)
        self.room = 0
        """Tokens that each member has a place for."""

    @property
    def is_empty(self) -> bool:
        """Whether all that the members see is yet to be brought."""
        return not self._layers

    def follow(self, chunks: list[Chunk], device: torch.device) -> bool:
        """Begin a step of these chunks, of one token each. False if they are too many to stand here."""
        longest = max(chunk.start for chunk in chunks) + 1
        go_on = self._members == [(chunk.sequence, chunk.start) for chunk in chunks]
        if not go_on or longest > self.room:
            self._layers.clear()
            self.room = longest + _SLACK_TOKENS
            if len(chunks) * self.room > self._most_tokens:
                self._members = []
                return False
        self._members = [(chunk.sequence, chunk.start + 1) for chunk in chunks]
        places = [row * self.room + chunk.start for row, chunk in enumerate(chunks)]
        self._places = torch.tensor(places, device=device)
        return True

    def fill(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Take all that the members see in a layer, shape (members, room, heads, size)."""
        self._layers[layer] = keys, values

    def append(
        self, layer: int, keys: torch.Tensor, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take the keys and values of the step's tokens, shape (members, heads, size); all of the layer."""
        for whole, new in zip(self._layers[layer], (keys, values), strict=True):
            whole.view(-1, *new.shape[1:]).index_copy_(0, self._places, new)
        return self._layers[layer]
