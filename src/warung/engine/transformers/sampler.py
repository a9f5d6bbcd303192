"""Chooses the next tokens of a step's sequences together; owns the random numbers of a request."""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from warung.engine.request import SamplingParams
from warung.engine.transformers.sequence import Sequence as TokenSequence
from warung.engine.worker import Likelihood

# Nearly every nucleus lies within so many likeliest tokens; finding those is much quicker than a whole sort.
_CANDIDATES = 256
# An exponential number whose share rounds to one would be infinite.
_LONGEST_WAIT = 25 * math.log(2)
# SplitMix64's, as the signed numbers that torch multiplies, modulo 2**64 too.
_STEP, _MIX_1, _MIX_2 = (
    number - 2**64 for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


@dataclass(frozen=True, slots=True)
class Sampled:
    """The next token of one sequence; None where none can follow, since the model's logits were no numbers
    or its constraint allows nothing."""

    token: int | None
    likelihood: Likelihood | None = None


def sample(logits: torch.Tensor, sequences: Sequence[TokenSequence]) -> list[Sampled]:
    """The next token of each sequence, from logits of shape (sequences, vocabulary).

    A token depends on its own row, the seed and its place in the answer only, so a request gives the same
    tokens whatever runs beside it, and when it is continued after a cut.
    """
    logits = logits.float()
    broken = _without_best(logits)
    likelihoods = _Likelihoods(logits, sequences)
    allowed = _constrained(_biased(_penalised(logits, sequences), sequences), sequences)
    if allowed is not logits:
        broken |= _without_best(allowed)
        logits = allowed
    chosen = logits.argmax(dim=-1)
    drawn = [row for row, one in enumerate(sequences) if not one.sampling.greedy and row not in broken]
    if drawn:
        rows = torch.tensor(drawn, device=logits.device)
        chosen[rows] = _draw(logits[rows], [sequences[row] for row in drawn])
    return [
        Sampled(None) if row in broken else Sampled(token, likelihoods.of(row, token))
        for row, token in enumerate(chosen.tolist())
    ]


def _without_best(logits: torch.Tensor) -> set[int]:
    """The rows that hold no largest number: one with a NaN or an infinity, or of minus infinities alone."""
    return set((~logits.amax(dim=-1).isfinite()).nonzero()[:, 0].tolist())


class _Likelihoods:
    """What the model itself held likely, for the sequences that ask for it."""

    def __init__(self, logits: torch.Tensor, sequences: Sequence[TokenSequence]) -> None:
        asked = [(row, one.sampling.logprobs) for row, one in enumerate(sequences)]
        self._counts = {row: count for row, count in asked if count is not None}
        self._logprobs = {row: logits[row].log_softmax(dim=-1) for row in self._counts}

    def of(self, row: int, token: int) -> Likelihood | None:
        if row not in self._counts:
            return None
        logprobs = self._logprobs[row]
        values, tokens = logprobs.topk(self._counts[row])
        top = tuple(zip(tokens.tolist(), values.tolist(), strict=True))
        return Likelihood(token, float(logprobs[token]), top)


@dataclass(slots=True)
class _Cells:
    """Single places in the logits, with a value for each."""

    rows: list[int]
    tokens: list[int]
    values: list[float]

    @classmethod
    def of(
        cls,
        sequences: Sequence[TokenSequence],
        asks: Callable[[SamplingParams], object],
        values: Callable[[TokenSequence], Iterable[tuple[int, float]]],
    ) -> "_Cells":
        cells = cls([], [], [])
        for row, sequence in enumerate(sequences):
            if asks(sequence.sampling):
                for token, value in values(sequence):
                    cells.rows.append(row)
                    cells.tokens.append(token)
                    cells.values.append(value)
        return cells

    def place(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.tensor(self.rows, device=device), torch.tensor(self.tokens, device=device)

    def tensor(self, device: torch.device) -> torch.Tensor:
        return torch.tensor(self.values, dtype=torch.float32, device=device)


def _penalised(logits: torch.Tensor, sequences: Sequence[TokenSequence]) -> torch.Tensor:
    repeated = _Cells.of(
        sequences,
        lambda sampling: sampling.repetition_penalty != 1,
        lambda one: [(token, one.sampling.repetition_penalty) for token in set(one.tokens)],
    )
    if repeated.rows:
        place, penalty = repeated.place(logits.device), repeated.tensor(logits.device)
        seen = logits[place]
        logits = logits.index_put(place, torch.where(seen > 0, seen / penalty, seen * penalty))
    return _added(
        logits,
        _Cells.of(
            sequences,
            lambda sampling: sampling.presence_penalty or sampling.frequency_penalty,
            lambda one: [
                (token, -one.sampling.presence_penalty - one.sampling.frequency_penalty * count)
                for token, count in one.written.items()
            ],
        ),
    )


def _biased(logits: torch.Tensor, sequences: Sequence[TokenSequence]) -> torch.Tensor:
    return _added(
        logits,
        _Cells.of(
            sequences, lambda sampling: sampling.logit_bias, lambda one: one.sampling.logit_bias.items()
        ),
    )


def _added(logits: torch.Tensor, cells: _Cells) -> torch.Tensor:
    if not cells.rows:
        return logits
    return logits.index_put(cells.place(logits.device), cells.tensor(logits.device), accumulate=True)


def _constrained(logits: torch.Tensor, sequences: Sequence[TokenSequence]) -> torch.Tensor:
    shaped = [(row, one.matcher) for row, one in enumerate(sequences) if one.matcher]
    if not shaped:
        return logits
    allowed = np.stack([np.asarray(matcher.allowed()) for _, matcher in shaped])
    rows = torch.tensor([row for row, _ in shaped], device=logits.device)
    forbidden = ~torch.from_numpy(allowed).to(logits.device)
    return logits.index_copy(0, rows, logits[rows].masked_fill(forbidden, -torch.inf))


def _draw(logits: torch.Tensor, sequences: Sequence[TokenSequence]) -> torch.Tensor:
    """One token a row, the winner of a race in which each token's luck is its own (Gumbel, 1954; as a way of
    sampling Yellott, J. Math. Psychology 15, 1977).

    A rounding of the logits, which differ in their last bits with what runs beside a request and where it was
    cut, changes a winner only where two tokens are as close. In cumulated probabilities it would move the
    limits of all the tokens behind it.
    """

    def column(name: str) -> torch.Tensor:
        values: list[Any] = [getattr(one.sampling, name) for one in sequences]
        return torch.tensor(values, device=logits.device)[:, None]

    top_k, top_p, min_p = column("top_k"), column("top_p"), column("min_p")
    scores = logits / column("temperature")
    keys = torch.tensor([_key(one) for one in sequences], device=logits.device)[:, None]
    filtered = ((top_k > 0) | (top_p < 1) | (min_p > 0))[:, 0]
    chosen = torch.empty(len(sequences), dtype=torch.long, device=logits.device)
    if bool(filtered.any()):
        rules = top_k[filtered], top_p[filtered], min_p[filtered]
        chosen[filtered] = _draw_likely(scores[filtered], keys[filtered], rules, _CANDIDATES)
    if not bool(filtered.all()):
        tokens = torch.arange(logits.shape[-1], device=logits.device)
        chosen[~filtered] = (scores[~filtered] + gumbel(keys[~filtered], tokens)).argmax(dim=-1)
    return chosen


def _draw_likely(
    scores: torch.Tensor, keys: torch.Tensor, rules: tuple[torch.Tensor, ...], candidates: int
) -> torch.Tensor:
    """One token a row of those that pass `rules`, which are top_k, top_p and min_p; they and `keys` are of
    shape (rows, 1).

    Nucleus sampling (Holtzman et al., ICLR 2020), min-p (Nguyen et al., ICLR 2025) and top-k are all measured
    on the distribution after the temperature, and all must let a token pass.
    """
    top_k, top_p, min_p = rules
    count = min(candidates, scores.shape[-1])
    best, tokens = scores.topk(count, dim=-1)
    likeliest = (best - scores.logsumexp(dim=-1, keepdim=True)).exp()
    before = likeliest.cumsum(dim=-1) - likeliest
    rank = torch.arange(count, device=scores.device)
    kept = (before < top_p) & (likeliest >= min_p * likeliest[:, :1]) & ((rank < top_k) | (top_k == 0))
    kept[:, 0] = True
    race = (best + gumbel(keys, tokens)).masked_fill(~kept, -torch.inf)
    chosen = tokens.gather(1, race.argmax(dim=-1, keepdim=True))[:, 0]
    # Each rule keeps a beginning of the tokens so ordered: while the last one is kept, more may be. Such rows
    # are drawn again apart from the others: which of two equals comes first depends on how many are ordered.
    wide = kept[:, -1]
    if count < scores.shape[-1] and bool(wide.any()):
        narrower = tuple(rule[wide] for rule in rules)
        chosen[wide] = _draw_likely(scores[wide], keys[wide], narrower, scores.shape[-1])
    return chosen


def _key(sequence: TokenSequence) -> int:
    """The random number of a place in an answer, 64 bits with a sign, by a counter-based generator (Salmon et
    al., SC 2011) that counts places."""
    number = np.random.Philox(key=sequence.sampling.seed, counter=sequence.produced).random_raw()
    return int(number) - 2**63


def gumbel(keys: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """The standard Gumbel number of each token beside each key, of the shape they broadcast to.

    A hash on the logits' own device, so only the tokens that take part are computed: SplitMix64 (Steele, Lea,
    Flood, OOPSLA 2014) begun at the key, at its step number `token`.
    """
    state = tokens * _STEP + keys
    for shift, factor in ((30, _MIX_1), (27, _MIX_2)):
        state.bitwise_xor_(_shifted(state, shift)).mul_(factor)
    state.bitwise_xor_(_shifted(state, 31))
    # Of 63 bits never all are zero, and small shares, which win, keep their precision.
    shares = state.bitwise_and_(2**63 - 1).bitwise_or_(1).float().mul_(2.0**-63)
    waits = shares.neg_().log1p_().neg_().clamp_max_(_LONGEST_WAIT)
    return waits.log_().neg_()


def _shifted(numbers: torch.Tensor, bits: int) -> torch.Tensor:
    """Shifted to the right as unsigned numbers are: torch shifts an int64 with its sign."""
    return (numbers >> bits).bitwise_and_(2 ** (64 - bits) - 1)
