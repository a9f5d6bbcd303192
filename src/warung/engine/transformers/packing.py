"""Linear layers that keep their weights twice: as they are, and in the order in which the processor's library
(oneMKL) multiplies the quickest; knows no model."""

# The model library carries no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import linear

# The order of the weights depends on how many rows they are said to be for, and serves any number: that for
# many is as quick with few, and not the other way round.
_FOR_ROWS = 256
# With fewer rows, the time goes into reading the weights, and packed ones are read no quicker.
_LEAST_ROWS = 4


def pack(model: nn.Module, *, spare_bytes: int) -> bool:
    """Pack all linear layers of a float32 model on a CPU that has the library. Whether it did: it needs as
    much memory again as the layers' weights, and takes no more than `spare_bytes`."""
    layers = [module for module in model.modules() if type(module) is nn.Linear]
    weights = {layer.weight.data_ptr(): layer.weight for layer in layers}.values()
    fits = sum(weight.nbytes for weight in weights) <= spare_bytes
    if not (fits and torch.backends.mkl.is_available() and all(map(_can_be_packed, weights))):
        return False
    for layer in layers:
        layer.forward = partial(_multiply, layer, _packed(layer.weight))  # pyright: ignore[reportAttributeAccessIssue]
    return True


def _can_be_packed(weight: torch.Tensor) -> bool:
    return weight.device.type == "cpu" and weight.dtype is torch.float32


def _packed(weight: torch.Tensor) -> torch.Tensor:
    reorder: Callable[[torch.Tensor, int], torch.Tensor] = torch.ops.mkl._mkl_reorder_linear_weight  # noqa: SLF001
    with torch.no_grad():
        return reorder(weight.detach().contiguous(), _FOR_ROWS)


def _multiply(layer: nn.Linear, packed: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    count = rows.numel() // rows.shape[-1]
    if count < _LEAST_ROWS:
        return linear(rows, layer.weight, layer.bias)
    multiply: Any = torch.ops.mkl._mkl_linear  # noqa: SLF001
    return multiply(rows.contiguous(), packed, layer.weight, layer.bias, count)
