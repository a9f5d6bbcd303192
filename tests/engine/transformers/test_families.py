"""Small random models of many families: the block cache gives what the model itself generates alone."""

# The model libraries carry no complete types, and only the scheduler knows who gave way.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedTokenizerFast,
)

from warung.engine.engine import EngineUnavailable
from warung.engine.loader import ModelFormat, ModelSource
from warung.engine.request import SamplingParams
from warung.engine.transformers.runner import ModelOptions, TransformersRunner

VOCABULARY = 200
WINDOW = 6
LENGTHS = [3, 40, 11, 25, 18]
NEW_TOKENS = 14
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "initializer_range": 0.2,
    "tie_word_embeddings": False,  # tied, random weights only repeat the last token
}
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


def save(folder: Path, family: str, **settings: Any) -> Path:
    torch.manual_seed(7)
    config = AutoConfig.for_model(family, **SIZES | settings)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    symbols = ["<pad>", "<s>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet())[: VOCABULARY - 3]]
    bytes_only = Tokenizer(models.BPE({symbol: place for place, symbol in enumerate(symbols)}, []))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    special = dict(zip(("pad_token", "bos_token", "eos_token"), symbols, strict=False))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytes_only, **special)
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    tokenizer.save_pretrained(folder)
    return folder


def runner_of(folder: Path, **limits: int) -> TransformersRunner:
    source = ModelSource(str(folder), ModelFormat.FOLDER, folder)
    return TransformersRunner(source, ModelOptions(device_map="cpu", dtype="float32"), **limits)


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
            runner.add(str(number), prompt, SamplingParams(max_tokens=NEW_TOKENS, temperature=0))
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

    cramped = runner_of(folder, step_tokens=7, block_tokens=4, cache_tokens=72)
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
