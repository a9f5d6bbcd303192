# The model library carries no complete types.
# pyright: reportUnknownMemberType=false

import gc
import weakref

import pytest
import torch
from torch import nn

from warung.engine.transformers.packing import PackedLinear, pack

PLENTY = 2**40


def model(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(48, 96), nn.SiLU(), nn.Linear(96, 32, bias=False)).to(dtype)


def tied() -> nn.Sequential:
    """An embedding, a layer of its own and a head with the embedding's weights."""
    one = nn.Sequential(nn.Embedding(64, 48), nn.Linear(48, 48), nn.Linear(48, 64, bias=False))
    one[2].weight = one[0].weight  # pyright: ignore[reportAttributeAccessIssue]
    return one


@torch.inference_mode()
@pytest.mark.parametrize("rows", [0, 1, 3, 4, 5, 16, 70, 256, 257, 700])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_same_comes_of_any_number_of_rows(rows: int, dtype: torch.dtype) -> None:
    plain, packed = model(dtype), model(dtype)
    pack(packed, spare_bytes=0)
    given = torch.randn(1, rows, 48).to(dtype)
    torch.testing.assert_close(packed(given), plain(given))


@torch.inference_mode()
def test_rows_that_are_no_block_of_memory_are_multiplied_too() -> None:
    plain, packed = model(), model()
    assert pack(packed, spare_bytes=0) == 2
    given = torch.randn(48, 16).T
    torch.testing.assert_close(packed(given), plain(given))


def test_the_weights_are_not_kept_as_they_were() -> None:
    one = model()
    weights = [weakref.ref(weight) for weight in one.parameters() if weight.dim() == 2]
    assert all(weight() is not None for weight in weights)
    pack(one, spare_bytes=0)
    gc.collect()
    assert [weight() for weight in weights] == [None, None]


@pytest.mark.parametrize(("spare_bytes", "packed"), [(-1, 1), (4 * 64 * 48 - 1, 1), (4 * 64 * 48, 2)])
def test_weights_that_another_uses_too_take_only_memory_that_is_there(spare_bytes: int, packed: int) -> None:
    one = tied()
    assert pack(one, spare_bytes=spare_bytes) == packed
    assert isinstance(one[2], PackedLinear) == (packed == 2)
    assert isinstance(one[0], nn.Embedding)
    assert one[0].weight.shape == (64, 48)


def test_a_layer_of_another_kind_stays_as_it_is() -> None:
    class Special(nn.Linear):
        pass

    one = nn.Sequential(Special(8, 8), nn.Linear(8, 8).to(torch.float16))
    assert pack(one, spare_bytes=PLENTY) == 0
