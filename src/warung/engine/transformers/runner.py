"""Runs a Hugging Face model step by step: one forward pass a step for all running sequences."""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from gguf import GGUFReader
from transformers import AutoModelForCausalLM, AutoTokenizer

from warung.engine.engine import EngineUnavailable
from warung.engine.loader import ModelSource
from warung.engine.request import SamplingParams
from warung.engine.text import Tokenizer
from warung.engine.transformers.attention import IMPLEMENTATION, KvCache, StepLayout
from warung.engine.transformers.kv_blocks import BlockPool
from warung.engine.transformers.sampler import sample
from warung.engine.transformers.scheduler import Chunk, Scheduler
from warung.engine.transformers.sequence import Sequence as TokenSequence
from warung.engine.transformers.tokenizer import TransformersTokenizer
from warung.engine.weights import available_memory_bytes, fetch, require_memory, size_bytes
from warung.engine.worker import Step

_BLOCK_TOKENS = 16
_CACHE_BYTES = 2**30
_MOST_RUNNING = 64
# What a step holds beside the running answers' next tokens is read of prompts: long ones come in pieces, so
# that the others go on meanwhile.
_STEP_TOKENS = 256
_DEFAULT_CONTEXT = 4096


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How to load: `device_map` and `dtype` as Transformers means them."""

    device_map: str = "auto"
    dtype: str = "auto"
    hub_token: str | None = field(default=None, repr=False)
    trust_remote_code: bool = False


class TransformersRunner:
    """Sequences join and leave between steps; equal beginnings are computed once.

    A step runs at most `step_tokens` tokens; the cache holds `cache_tokens` (None: what fits a GiB) in blocks
    of `block_tokens`.
    """

    def __init__(
        self,
        source: ModelSource,
        options: ModelOptions,
        *,
        step_tokens: int = _STEP_TOKENS,
        block_tokens: int = _BLOCK_TOKENS,
        cache_tokens: int | None = None,
    ) -> None:
        self._source = source
        self._options = options
        self._step_tokens = step_tokens
        self._block_tokens = block_tokens
        self._cache_tokens = cache_tokens
        self._scheduler: Scheduler | None = None

    def load(self) -> Tokenizer:
        _leave_a_core_free()
        path = fetch(self._source, token=self._options.hub_token)
        self._require_memory(path)
        folder, extra = (path.parent, {"gguf_file": path.name}) if path.is_file() else (path, {})
        trusted = self._options.trust_remote_code
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trusted, **extra)
            self._model = AutoModelForCausalLM.from_pretrained(
                folder,
                device_map=self._options.device_map,
                dtype=self._options.dtype,
                attn_implementation=IMPLEMENTATION,
                trust_remote_code=trusted,
                **extra,
            )
        except (OSError, ValueError, KeyError) as error:
            line = " ".join(str(error).split())[:200]
            raise EngineUnavailable(f"Transformers can't load model {self._source.name}: {line}") from error
        self._model.eval()
        self._ends = _end_tokens(self._model, tokenizer)
        self._begin(self._cache_tokens or _CACHE_BYTES // _bytes_per_token(self._model))
        return TransformersTokenizer(tokenizer, _context_length(self._model))

    def _require_memory(self, path: Path) -> None:
        if path.is_file():
            needed = (
                sum(int(tensor.n_elements) for tensor in GGUFReader(path).tensors) * torch.float32.itemsize
            )
        else:
            needed = size_bytes(path.glob("*.safetensors"))
        available = available_memory_bytes()
        if self._options.device_map != "cpu":
            available += sum(torch.cuda.mem_get_info(i)[0] for i in range(torch.cuda.device_count()))
        require_memory(self._source.name, needed + _CACHE_BYTES, available)

    def _begin(self, cache_tokens: int) -> None:
        blocks = max(1, cache_tokens // self._block_tokens)
        self._cache = KvCache(blocks * self._block_tokens)
        self._require_plain_attention()
        pool = BlockPool(blocks, self._block_tokens)
        running = min(_MOST_RUNNING, self._step_tokens)
        self._scheduler = Scheduler(pool, step_tokens=self._step_tokens, max_running=running)

    @torch.inference_mode()
    def _require_plain_attention(self) -> None:
        """Raises EngineUnavailable for a model that keeps more than keys and values between steps, or whose
        attention is not all of that which is computed here; it would answer, but not as itself."""
        config = self._model.config.get_text_config()
        problem = _unlike(config)
        if not problem:
            probe = TokenSequence("probe", [0], SamplingParams(max_tokens=1), self._ends, blocks=[0])
            try:
                self._forward([Chunk(probe, 0, 1)])
            except Exception as error:  # a model's own code may stumble over the missing cache in any way
                problem = " ".join(str(error).split())[:200]
            else:
                if self._cache.layers != config.num_hidden_layers:
                    problem = (
                        f"only {self._cache.layers} of its {config.num_hidden_layers} layers use attention"
                    )
        if problem:
            raise EngineUnavailable(f"the transformers engine can't run model {self._source.name}: {problem}")

    @property
    def busy(self) -> bool:
        return self._scheduler is not None and self._scheduler.busy

    def add(self, request_id: str, prompt: Sequence[int], sampling: SamplingParams) -> None:
        self._ready().add(TokenSequence(request_id, list(prompt), sampling, self._ends))

    def abort(self, request_id: str) -> None:
        self._ready().remove(request_id)

    @torch.inference_mode()
    def step(self) -> list[Step]:
        scheduler = self._ready()
        chunks = scheduler.plan()
        logits = self._forward(chunks)
        sampling = [chunk.sequence for chunk in chunks if chunk.samples]
        tokens = {
            sequence.id: sample(row, sequence.sampling, sequence.produced)
            for sequence, row in zip(sampling, logits, strict=True)
        }
        return [
            Step(sequence.id, (sequence.tokens[-1],), reason)
            for sequence, reason in scheduler.advance(chunks, tokens)
        ]

    def _forward(self, chunks: list[Chunk]) -> torch.Tensor:
        """The logits after each chunk that gives a token, shape (sequences, vocabulary)."""
        device = self._model.device
        layout = StepLayout.of(chunks, self._cache, self._block_tokens, device)
        tokens = [token for c in chunks for token in c.sequence.tokens[c.start : c.start + c.count]]
        ends = list(accumulate(chunk.count for chunk in chunks))
        last = [end - 1 for end, chunk in zip(ends, chunks, strict=True) if chunk.samples]
        output = self._model(
            input_ids=torch.tensor([tokens], device=device),
            position_ids=layout.positions[None],
            use_cache=False,
            logits_to_keep=torch.tensor(last, device=device, dtype=torch.long),
            layout=layout,
        )
        return output.logits[0]

    def _ready(self) -> Scheduler:
        if self._scheduler is None:
            raise EngineUnavailable("the model is not loaded")
        return self._scheduler

    def close(self) -> None:
        self._scheduler = None


def _leave_a_core_free() -> None:
    """The threads of an operation wait for each other, so one that shares its core with the event loop or
    another program holds up all: with every core in use, tokens took 50 times as long on a busy machine."""
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end an answer: the model's list when it has one, and the tokenizer's."""
    listed = model.generation_config.eos_token_id
    ends: list[int | None] = listed if isinstance(listed, list) else [listed]
    return frozenset(end for end in [*ends, tokenizer.eos_token_id] if end is not None)


def _unlike(config: Any) -> str | None:
    """What the configuration says of layers that are more than attention to all or to the last tokens."""
    strange = set[str](getattr(config, "layer_types", None) or ()) - {"full_attention", "sliding_attention"}
    if strange:
        return f"it has layers of type {', '.join(sorted(strange))}"
    if getattr(config, "num_kv_shared_layers", 0):
        return "its layers share keys and values"
    return None


def _context_length(model: Any) -> int:
    """Tokens that a sequence may have. LongRoPE turns all positions another way once a sequence passes the
    original length, also those in the cache and of other sequences, so that length is the limit."""
    config = model.config.get_text_config()
    limits = [int(getattr(config, "max_position_embeddings", _DEFAULT_CONTEXT))]
    rope = getattr(config, "rope_parameters", None) or {}
    by_layer_type = [nested for nested in rope.values() if isinstance(nested, dict)]
    limits.extend(
        int(parameters["original_max_position_embeddings"])
        for parameters in [rope, *by_layer_type]
        if parameters.get("rope_type") == "longrope"
    )
    return min(limits)


def _bytes_per_token(model: Any) -> int:
    """What one token takes in the KV cache of all layers."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return 2 * config.num_hidden_layers * heads * size * model.dtype.itemsize
