"""Chooses the next token from logits; owns the random numbers of a request."""

import numpy as np
import torch

from warung.engine.request import SamplingParams


def sample(logits: torch.Tensor, sampling: SamplingParams, position: int) -> int:
    """The token at `position` of an answer, from logits of shape (vocabulary,).

    Nucleus sampling (Holtzman et al., ICLR 2020). The draw depends on seed and position only, by a
    counter-based generator (Salmon et al., SC 2011), so a request gives the same tokens whatever runs
    beside it, and when it is continued after a cut.
    """
    if sampling.greedy:
        return int(logits.argmax())
    probabilities, order = torch.softmax(logits.float() / sampling.temperature, dim=-1).sort(descending=True)
    cumulative = probabilities.cumsum(dim=-1)
    kept = max(1, int((cumulative - probabilities < sampling.top_p).sum()))
    draw = np.random.Generator(np.random.Philox(key=sampling.seed, counter=position)).random()
    mass = cumulative[:kept]
    choice = int(torch.searchsorted(mass, torch.tensor(draw, device=mass.device) * mass[-1], right=True))
    return int(order[min(choice, kept - 1)])
