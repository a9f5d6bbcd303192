"""Small random models of many families: the block cache gives what the model itself generates alone."""

# The model libraries carry no complete types, and only the scheduler knows who gave way.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from engine.transformers.tiny_models import VOCABULARY, runner_of, save
from warung.engine.engine import EngineUnavailable
from warung.engine.request import SamplingParams
from warung.engine.transformers.runner import TransformersRunner
from warung.engine.transformers.scheduler import Limits
from warung.engine.worker import Job

WINDOW = 6
LENGTHS = [3, 40, 11, 25, 18]
NEW_TOKENS = 14
HEAD = {"head_dim": 24}
WINDOWED = ["sliding_attention", "full_attention", "sliding_attention"]
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {"use_sliding_window": True, "sliding_window": WINDOW, "layer_types": WINDOWED},
    "qwen3": HEAD | {"use_sliding_window": True, "sliding_window": WINDOW, "layer_types": WINDOWED},
    "gemma3_text": HEAD | {"sliding_window": WINDOW, "layer_types": WINDOWED},
    "gemma2": HEAD
    | {
        "sliding_window": WINDOW,
        "layer_types": WINDOWED,
        "attn_logit_softcapping": 2.0,
        "query_pre_attn_scalar": 24,
    },
    "mistral": HEAD | {"sliding_window": WINDOW},
    "phi3": {"sliding_window": WINDOW},
    "phi": {},
}


def prompts() -> list[list[int]]:
    """Two of them begin alike."""
    chance = torch.Generator().manual_seed(3)
    made = [torch.randint(3, VOCABULARY, (length,), generator=chance).tolist() for length in LENGTHS]
    made[3][:12] = made[1][:12]
    return made


@torch.inference_mode()
def generated(folder: Path, prompt: list[int]) -> list[int]:
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype="float32", attn_implementation=attention(folder)
    )
    ids = torch.tensor([prompt])
    told = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW_TOKENS, do_sample=False
    )
    return told[0, len(prompt) :].tolist()


def attention(folder: Path) -> str:
    """Softcapping is refused by all of Transformers' own ways but one."""
    return "eager" if AutoConfig.from_pretrained(folder).model_type == "gemma2" else "sdpa"


def answers(runner: TransformersRunner, asked: list[list[int]], *, apart: int) -> list[list[int]]:
    """The tokens of each prompt; every `apart` steps one more joins."""
    told: dict[str, list[int]] = {str(number): [] for number in range(len(asked))}
    coming = list(enumerate(asked))
    for step in range(2000):
        while coming and step >= apart * coming[0][0]:
            number, prompt = coming.pop(0)
            sampling = SamplingParams(max_tokens=NEW_TOKENS, temperature=0)
            runner.add(Job(str(number), tuple(prompt), sampling))
        if runner.busy:
            for one in runner.step():
                told[one.request_id] += one.token_ids
        elif not coming:
            break
    return list(told.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_together_equal_what_the_model_generates_alone(family: str, tmp_path: Path) -> None:
    folder = save(tmp_path / family, family, **FAMILIES[family])
    asked = prompts()
    alone = [generated(folder, prompt) for prompt in asked]
    assert len({tuple(answer) for answer in alone}) == len(alone)
    assert max(len(set(answer)) for answer in alone) > 4

    roomy = runner_of(folder)
    roomy.load()
    assert answers(roomy, asked, apart=0) == alone
    assert answers(roomy, asked, apart=2) == alone  # begins with what the first round left in the cache

    cramped = runner_of(folder, limits=Limits(7, 3, 5), block_tokens=4, cache_tokens=72)
    cramped.load()
    gave_way = watch_giving_way(cramped)
    assert answers(cramped, asked, apart=3) == alone
    assert gave_way


def watch_giving_way(runner: TransformersRunner) -> list[str]:
    scheduler = runner._ready()
    names: list[str] = []
    preempt = scheduler._preempt

    def noted(sequence: Any) -> None:
        names.append(sequence.id)
        preempt(sequence)

    scheduler._preempt = noted
    return names


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "mamba": ({"state_size": 4}, "linear_attention"),
    "gpt_oss": (
        HEAD
        | {
            "num_local_experts": 2,
            "num_experts_per_tok": 1,
            "sliding_window": WINDOW,
            "layer_types": WINDOWED,
        },
        "s_aux",
    ),
    "lfm2": ({"layer_types": ["conv", "full_attention", "conv"]}, "layers of type conv"),
    "bloom": ({"n_head": 4, "n_layer": 3}, "can't load|can't run"),
    "mpt": ({"d_model": 64, "n_heads": 4, "n_layers": 3}, "can't load|can't run"),
}


@pytest.mark.parametrize("family", REFUSED)
def test_a_model_that_would_not_be_itself_is_refused_by_name(family: str, tmp_path: Path) -> None:
    settings, reason = REFUSED[family]
    folder = save(tmp_path / family, family, **settings)
    runner = runner_of(folder)
    with pytest.raises(EngineUnavailable, match=reason) as caught:
        runner.load()
    assert str(folder) in caught.value.message
    assert "\n" not in caught.value.message


def test_a_model_with_two_sets_of_rotations_keeps_to_the_first(tmp_path: Path) -> None:
    rope = {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "short_factor": [1.0] * 8,
        "long_factor": [4.0] * 8,
        "original_max_position_embeddings": 64,
    }
    folder = save(tmp_path / "phi3", "phi3", rope_parameters=rope, original_max_position_embeddings=64)
    runner = runner_of(folder)
    assert runner.load().context_length == 64
    asked = [prompt for prompt in prompts() if len(prompt) + NEW_TOKENS < 64]
    assert answers(runner, asked, apart=1) == [generated(folder, prompt) for prompt in asked]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_in_half_precision_each_token_is_the_likeliest_up_to_rounding(
    family: str, dtype: str, tmp_path: Path
) -> None:
    """The number of rows in a product changes the rounding of each, so of two likeliest tokens either may
    come; in float32 no such pair was met."""
    folder = save(tmp_path / family, family, **FAMILIES[family])
    asked = prompts()
    runner = runner_of(folder, dtype)
    runner.load()
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation=attention(folder)
    )
    for prompt, answer in zip(asked, answers(runner, asked, apart=1), strict=True):
        with torch.inference_mode():
            logits = model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1].float()
        behind = logits.amax(dim=-1) - logits[torch.arange(len(answer)), answer]
        assert behind.max() <= 4 * torch.finfo(getattr(torch, dtype)).eps * logits.abs().max()
        assert behind.max() < logits.std() / 4
