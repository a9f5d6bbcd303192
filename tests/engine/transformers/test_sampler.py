import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from warung.engine.request import SamplingParams
from warung.engine.transformers.sampler import Sampled, gumbel, sample
from warung.engine.transformers.sequence import Sequence

SHARES = [0.4, 0.05, 0.25, 0.2, 0.1]
LOGITS = torch.tensor([math.log(share) for share in SHARES])
DRAWS = 4000


class Only:
    """A matcher that lets some tokens pass, for ever."""

    is_complete = False

    def __init__(self, tokens: list[int], size: int = len(SHARES)) -> None:
        self._allowed = np.isin(np.arange(size), tokens)

    def accept(self, token: int) -> None:
        raise AssertionError(f"the sampler only looks; it took {token}")

    def allowed(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        return self._allowed


def at(position: int, sampling: SamplingParams, **fields: Any) -> Sequence:
    """A sequence about to write its token number `position`, all before it being token 0."""
    return Sequence("one", [0, *([0] * position)], 1, sampling, frozenset(), **fields)


def having(prompt: list[int], written: list[int], **sampling: Any) -> Sequence:
    fields: dict[str, Any] = {"temperature": 0, **sampling}
    return Sequence("one", prompt + written, len(prompt), SamplingParams(**fields), frozenset())


def tokens(logits: torch.Tensor, sequences: list[Sequence]) -> list[int]:
    drawn = sample(logits, sequences)
    assert all(one.likelihood is None for one in drawn)
    return [token for one in drawn if (token := one.token) is not None]


def draws(sampling: SamplingParams, logits: torch.Tensor = LOGITS, **fields: Any) -> list[int]:
    """The tokens at many positions of one request."""
    return tokens(logits.expand(DRAWS, -1), [at(position, sampling, **fields) for position in range(DRAWS)])


def chi_square(drawn: list[int], shares: list[float]) -> float:
    observed = [drawn.count(token) for token in range(len(shares))]
    assert not any(n for n, share in zip(observed, shares, strict=True) if not share)
    return sum(
        (n - share * len(drawn)) ** 2 / (share * len(drawn))
        for n, share in zip(observed, shares, strict=True)
        if share
    )


def kept_shares(kept: list[int], shares: list[float] = SHARES) -> list[float]:
    mass = sum(shares[token] for token in kept)
    return [share / mass if token in kept else 0.0 for token, share in enumerate(shares)]


def split_mix(state: int) -> int:
    """The generator's output at a state, in numbers without a sign (Steele, Lea, Flood, OOPSLA 2014)."""
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % 2**64
    return state ^ (state >> 31)


@pytest.mark.parametrize("key", [0, 1, -1, 2**63 - 1, -(2**63), 123456789])
def test_luck_is_the_published_generators(key: int) -> None:
    places = [0, 1, 2, 50_000, 151_935]
    luck = gumbel(torch.tensor([[key]]), torch.tensor(places))[0]
    for token, drawn in zip(places, map(float, luck), strict=True):
        share = ((split_mix((key + token * 0x9E3779B97F4A7C15) % 2**64) % 2**63) | 1) / 2**63
        assert drawn == pytest.approx(-math.log(-math.log1p(-share)), rel=1e-4, abs=1e-4)


def test_greedy_takes_the_likeliest() -> None:
    assert set(draws(SamplingParams(temperature=0))) == {0}


@pytest.mark.parametrize("seed", [0, 1, 2**62])
def test_draws_follow_the_models_distribution(seed: int) -> None:
    # 18.5 is passed once in a thousand by chance at 4 degrees of freedom; the seeds are fixed.
    assert chi_square(draws(SamplingParams(temperature=1, seed=seed)), SHARES) < 18.5


def test_draws_of_many_requests_at_one_position_follow_it_too() -> None:
    requests = [at(3, SamplingParams(temperature=1, seed=seed)) for seed in range(DRAWS)]
    assert chi_square(tokens(LOGITS.expand(DRAWS, -1), requests), SHARES) < 18.5


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_sharpens_and_flattens(temperature: float) -> None:
    weights = [share ** (1 / temperature) for share in SHARES]
    shares = [weight / sum(weights) for weight in weights]
    assert chi_square(draws(SamplingParams(temperature=temperature, seed=5)), shares) < 18.5


RULES: list[tuple[dict[str, float], list[int]]] = [
    ({"top_p": 1e-6}, [0]),
    ({"top_p": 0.39}, [0]),
    ({"top_p": 0.41}, [0, 2]),
    ({"top_p": 0.64}, [0, 2]),
    ({"top_p": 0.66}, [0, 2, 3]),
    ({"top_p": 0.96}, [0, 1, 2, 3, 4]),
    ({"top_k": 1}, [0]),
    ({"top_k": 3}, [0, 2, 3]),
    ({"top_k": 1000}, [0, 1, 2, 3, 4]),
    ({"min_p": 1}, [0]),
    ({"min_p": 0.51}, [0, 2]),
    ({"min_p": 0.49}, [0, 2, 3]),
    ({"top_k": 3, "top_p": 0.41}, [0, 2]),
    ({"top_k": 2, "min_p": 0.1}, [0, 2]),
    ({"top_p": 0.96, "min_p": 0.24}, [0, 2, 3, 4]),
]


@pytest.mark.parametrize(("rule", "kept"), RULES)
def test_the_rules_keep_the_likeliest_tokens(rule: dict[str, Any], kept: list[int]) -> None:
    drawn = draws(SamplingParams(temperature=1, seed=9, **rule))
    assert sorted(set(drawn)) == kept
    assert chi_square(drawn, kept_shares(kept)) < 18.5


def test_a_nucleus_wider_than_the_first_candidates() -> None:
    """Of 1,000 equal tokens, 900 reach a top_p of 0.9."""
    drawn = draws(SamplingParams(temperature=1, top_p=0.9, seed=4), torch.zeros(1000))
    assert 860 < len(set(drawn)) <= 900
    narrow = draws(SamplingParams(temperature=1, top_k=700, seed=4), torch.zeros(1000))
    assert 640 < len(set(narrow)) <= 700


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_token_depends_on_its_own_row_alone(data: st.DataObject) -> None:
    """Whatever is computed beside it, in whatever order."""
    size = data.draw(st.sampled_from([5, 300, 600]))
    logits = torch.randn(6, size, generator=torch.Generator().manual_seed(data.draw(st.integers(0, 99))))
    requests = [
        Sequence(
            str(row),
            [1, 2, 3, *range(data.draw(st.integers(0, 4)))],
            3,
            SamplingParams(
                temperature=data.draw(st.sampled_from([0, 0.7, 2])),
                top_p=data.draw(st.sampled_from([1, 0.9, 0.999])),
                top_k=data.draw(st.sampled_from([0, 3, 400])),
                min_p=data.draw(st.sampled_from([0, 0.05])),
                seed=data.draw(st.integers(0, 2**63 - 1)),
                presence_penalty=data.draw(st.sampled_from([0, 1.5])),
                frequency_penalty=data.draw(st.sampled_from([0, -0.5])),
                repetition_penalty=data.draw(st.sampled_from([1, 1.3])),
                logit_bias=data.draw(st.sampled_from([{}, {2: 5, 3: -100}])),
                logprobs=data.draw(st.sampled_from([None, 0, 3])),
            ),
            frozenset(),
            matcher=data.draw(st.sampled_from([None, Only([1, 2, 4], size)])),
        )
        for row in range(6)
    ]
    alone = [sample(logits[row : row + 1], [requests[row]])[0] for row in range(6)]
    order = data.draw(st.permutations(range(6)))
    together = sample(logits[list(order)], [requests[row] for row in order])
    assert [one.token for one in together] == [alone[row].token for row in order]
    for one, row in zip(together, order, strict=True):
        assert (one.likelihood is None) is (requests[row].sampling.logprobs is None)


@pytest.mark.parametrize("rule", [{}, {"top_p": 0.95}, {"min_p": 0.01}], ids=str)
def test_rounding_of_the_logits_changes_next_to_no_draw(rule: dict[str, Any]) -> None:
    """What is cut and continued, or runs beside others, has logits that differ in their last bits."""
    generator = torch.Generator().manual_seed(4)
    logits = 3 * torch.randn(300, 49_152, generator=generator)
    rounded = logits + 2e-5 * torch.randn(logits.shape, generator=generator)
    requests = [at(place, SamplingParams(temperature=1, seed=place % 7, **rule)) for place in range(300)]
    pairs = zip(tokens(logits, requests), tokens(rounded, requests), strict=True)
    assert sum(one != other for one, other in pairs) <= 1


def test_a_draw_depends_on_seed_and_position() -> None:
    logits = torch.zeros(40, 1000)
    first = tokens(logits, [at(position, SamplingParams(temperature=1, seed=11)) for position in range(40)])
    torch.rand(10)  # nobody else's draws matter
    again = [at(position, SamplingParams(seed=11)) for position in reversed(range(40))]
    assert tokens(logits, again)[::-1] == first
    other = tokens(logits, [at(position, SamplingParams(temperature=1, seed=12)) for position in range(40)])
    assert sum(a == b for a, b in zip(first, other, strict=True)) < 5
    assert len(set(first)) > 30


@pytest.mark.parametrize("temperature", [1e-300, 1e-40, 1e-5])
def test_a_temperature_near_zero_is_as_good_as_zero(temperature: float) -> None:
    assert set(draws(SamplingParams(temperature=temperature), LOGITS - 100)) == {0}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_logits_of_any_width_are_read(dtype: torch.dtype) -> None:
    logits = torch.full((1, 50_000), -20.0, dtype=dtype)
    logits[0, 321] = 20.0
    assert tokens(logits, [at(0, SamplingParams(temperature=1, top_p=0.9))]) == [321]


def test_a_token_that_was_ruled_out_is_never_drawn() -> None:
    drawn = draws(SamplingParams(temperature=2, seed=3), torch.tensor([-math.inf, 0.0, -math.inf, 0.0]))
    assert chi_square(drawn, [0, 0.5, 0, 0.5]) < 10.8


def test_a_repetition_penalty_makes_what_was_read_or_written_less_likely() -> None:
    """Keskar et al. (2019): positive logits are divided by it, negative ones multiplied."""
    logits = torch.tensor([[2.0, 1.5, -1.0, -1.2]])
    assert tokens(logits, [having([3], [])]) == [0]
    assert tokens(logits, [having([0], [], repetition_penalty=1.5)]) == [1]
    assert tokens(logits, [having([3], [0], repetition_penalty=1.5)]) == [1]
    low = torch.tensor([[-1.0, -1.2]])
    assert tokens(low, [having([0], [0, 0], repetition_penalty=1.1)]) == [0]  # once, however often it came
    assert tokens(low, [having([0], [], repetition_penalty=1.3)]) == [1]


def test_presence_and_frequency_count_what_was_written_and_not_what_was_read() -> None:
    logits = torch.tensor([[2.0, 1.5]])
    assert tokens(logits, [having([0, 0, 0], [1], presence_penalty=1, frequency_penalty=1)]) == [0]
    assert tokens(logits, [having([1], [0], presence_penalty=0.6)]) == [1]
    assert tokens(logits, [having([1], [0, 0, 0], presence_penalty=0.4)]) == [0]
    assert tokens(logits, [having([1], [0], frequency_penalty=0.2)]) == [0]
    assert tokens(logits, [having([1], [0, 0, 0], frequency_penalty=0.2)]) == [1]
    assert tokens(logits, [having([0], [1], presence_penalty=-1)]) == [1]


def test_a_bias_is_added_to_the_logits() -> None:
    logits = torch.tensor([[2.0, 1.5, 0.0]])
    assert tokens(logits, [having([0], [], logit_bias={1: 0.6})]) == [1]
    assert tokens(logits, [having([0], [], logit_bias={0: -100, 1: -100})]) == [2]


def test_a_constraint_rules_out_what_the_bias_wants() -> None:
    wanting = SamplingParams(temperature=1, seed=2, logit_bias={0: 100})
    assert chi_square(draws(wanting, matcher=Only([1, 2])), kept_shares([1, 2])) < 10.8


def test_likelihoods_are_the_models_own() -> None:
    """Whatever the fields of the request do to the choice."""
    sampling = SamplingParams(temperature=0, logit_bias={4: 100}, logprobs=2)
    asking, plain = at(0, sampling), at(0, SamplingParams(temperature=0))
    told, silent = sample(LOGITS.expand(2, -1), [asking, plain])
    assert told.likelihood
    assert (told.token, told.likelihood.token_id) == (4, 4)
    assert told.likelihood.logprob == pytest.approx(math.log(0.1))
    assert told.likelihood.top == (
        (0, pytest.approx(math.log(0.4))),
        (2, pytest.approx(math.log(0.25))),
    )
    assert silent == Sampled(0)


def test_a_row_without_numbers_harms_no_other() -> None:
    logits = LOGITS.repeat(4, 1)
    logits[1, 3] = math.nan
    logits[2] = -math.inf
    sampling = SamplingParams(temperature=1, seed=8)
    nothing_fits = at(1, sampling, matcher=Only([]))
    drawn = sample(logits, [at(1, sampling), at(1, sampling), at(1, sampling), nothing_fits])
    assert [one.token is None for one in drawn] == [False, True, True, True]
    assert drawn[0] == sample(LOGITS[None], [at(1, replace(sampling))])[0]
