"""Models of a few kilobytes with random weights, whose tokens are bytes."""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from warung.engine.loader import ModelFormat, ModelSource
from warung.engine.transformers.options import ModelOptions
from warung.engine.transformers.runner import TransformersRunner

VOCABULARY = 200
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


def runner_of(
    folder: Path, dtype: str = "float32", *, share_prefixes: bool = True, **limits: Any
) -> TransformersRunner:
    source = ModelSource(str(folder), ModelFormat.FOLDER, folder)
    options = ModelOptions(device_map="cpu", dtype=dtype, share_prefixes=share_prefixes)
    return TransformersRunner(source, options, **limits)
