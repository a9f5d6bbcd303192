# The model library carries no complete types.
# pyright: reportUnknownMemberType=false

import pytest
import torch
from torch import nn

from warung.engine.transformers.packing import pack

PLENTY = 2**40


def model(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(48, 96), nn.SiLU(), nn.Linear(96, 32, bias=False)).to(dtype)


@torch.inference_mode()
@pytest.mark.parametrize("rows", [1, 3, 4, 5, 16, 70, 256, 257, 700])
def test_the_same_comes_of_any_number_of_rows(rows: int) -> None:
    plain, packed = model(), model()
    assert pack(packed, spare_bytes=PLENTY)
    given = torch.randn(1, rows, 48)
    torch.testing.assert_close(packed(given), plain(given))


@torch.inference_mode()
def test_rows_that_are_no_block_of_memory_are_multiplied_too() -> None:
    plain, packed = model(), model()
    pack(packed, spare_bytes=PLENTY)
    given = torch.randn(48, 16).T
    torch.testing.assert_close(packed(given), plain(given))


def test_it_takes_no_memory_that_is_not_there() -> None:
    needed = 4 * (48 * 96 + 96 * 32)
    assert not pack(model(), spare_bytes=needed - 1)
    assert pack(model(), spare_bytes=needed)


def test_weights_that_are_shared_count_once() -> None:
    tied = model()
    other = nn.Linear(48, 96)
    other.weight = tied[0].weight  # pyright: ignore[reportAttributeAccessIssue]
    tied.append(other)
    assert pack(tied, spare_bytes=4 * (48 * 96 + 96 * 32))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_as_it_is(dtype: torch.dtype) -> None:
    assert not pack(model(dtype), spare_bytes=PLENTY)
