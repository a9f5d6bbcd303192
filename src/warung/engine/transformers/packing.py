"""Linear layers whose weights are kept in the order in which the processor's library (oneDNN) multiplies the
quickest; knows no model."""

# The model library carries no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections import Counter
from typing import Any

import torch
from torch import nn

# The order depends on how many rows it is said to be for, and serves any number: that for so many is as quick
# as any, from 1 row to 256.
_FOR_ROWS = 64


class PackedLinear(nn.Module):
    """What an nn.Linear computes, without its weights as they were."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        with torch.no_grad():
            self._packed: Any = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), _FOR_ROWS)  # noqa: SLF001
        self.bias = layer.bias

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """`rows` have the shape (..., in_features)."""
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(  # noqa: SLF001
            rows, self._packed, self.bias, "none", [], ""
        )
        return product


def pack(model: nn.Module, *, spare_bytes: int) -> int:
    """Replace the linear layers on a CPU that has the library; how many were. Weights that another module
    uses too (a head's that are the embedding's) are then held twice, for `spare_bytes` at most."""
    if not torch.backends.mkldnn.is_available():
        return 0
    users = Counter(id(weight) for module in model.modules() for weight in module.parameters(recurse=False))
    # Holds no layer longer than its turn, so that the model is never twice in memory.
    parents = [module for module in model.modules() if type(module) is not nn.Linear]
    places = ((parent, *child) for parent in parents for child in list(parent.named_children()))
    replaced = 0
    for parent, name, layer in places:
        if type(layer) is not nn.Linear or not _can_be_packed(layer.weight):
            continue
        if users[id(layer.weight)] > 1:
            if layer.weight.nbytes > spare_bytes:
                continue
            spare_bytes -= layer.weight.nbytes
        setattr(parent, name, PackedLinear(layer))
        replaced += 1
    return replaced


def _can_be_packed(weight: torch.Tensor) -> bool:
    quick = weight.dtype is torch.float32 or (
        weight.dtype is torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()  # noqa: SLF001
    )
    return weight.device.type == "cpu" and quick
