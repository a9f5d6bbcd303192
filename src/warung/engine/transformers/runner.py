"""Runs a Hugging Face model step by step: every running sequence gets one forward pass a step."""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from gguf import GGUFReader
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

from warung.engine.engine import EngineUnavailable
from warung.engine.loader import ModelSource
from warung.engine.request import FinishReason, SamplingParams
from warung.engine.text import Tokenizer
from warung.engine.transformers.sampler import sample
from warung.engine.transformers.tokenizer import TransformersTokenizer
from warung.engine.weights import available_memory_bytes, fetch, require_memory, size_bytes
from warung.engine.worker import Step

# A long prompt is read in pieces of this many tokens, one a step, so that the others go on meanwhile.
_PREFILL_TOKENS = 256
_DEFAULT_CONTEXT = 4096


@dataclass(slots=True)
class _Running:
    """A sequence: tokens not yet run through the model, and the cache of those that were."""

    pending: list[int]
    sampling: SamplingParams
    cache: DynamicCache
    produced: int = 0


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How to load: `device_map` and `dtype` as Transformers means them."""

    device_map: str = "auto"
    dtype: str = "auto"
    hub_token: str | None = field(default=None, repr=False)
    trust_remote_code: bool = False


class TransformersRunner:
    """Iteration-level scheduling without batching: sequences join and leave between steps."""

    def __init__(self, source: ModelSource, options: ModelOptions) -> None:
        self._source = source
        self._options = options
        self._running: dict[str, _Running] = {}

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
                trust_remote_code=trusted,
                **extra,
            )
        except (OSError, ValueError, KeyError) as error:
            line = " ".join(str(error).split())[:200]
            raise EngineUnavailable(f"Transformers can't load model {self._source.name}: {line}") from error
        self._model.eval()
        self._ends = _end_tokens(self._model, tokenizer)
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
        require_memory(self._source.name, needed, available)

    @property
    def busy(self) -> bool:
        return bool(self._running)

    def add(self, request_id: str, prompt: Sequence[int], sampling: SamplingParams) -> None:
        self._running[request_id] = _Running(list(prompt), sampling, DynamicCache(config=self._model.config))

    def abort(self, request_id: str) -> None:
        self._running.pop(request_id, None)

    @torch.inference_mode()
    def step(self) -> list[Step]:
        return [step for request_id in list(self._running) if (step := self._advance(request_id))]

    def _advance(self, request_id: str) -> Step | None:
        """One forward pass; no step comes of it while the prompt is still being read."""
        running = self._running[request_id]
        tokens, running.pending = running.pending[:_PREFILL_TOKENS], running.pending[_PREFILL_TOKENS:]
        output = self._model(
            input_ids=torch.tensor([tokens], device=self._model.device),
            past_key_values=running.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        if running.pending:
            return None
        token = sample(output.logits[0, -1], running.sampling, running.produced)
        running.produced += 1
        running.pending = [token]
        reason = self._finish_reason(token, running)
        if reason:
            del self._running[request_id]
        return Step(request_id, (token,), reason)

    def _finish_reason(self, token: int, running: _Running) -> FinishReason | None:
        if token in self._ends:
            return FinishReason.STOP
        return FinishReason.LENGTH if running.produced >= running.sampling.max_tokens else None

    def close(self) -> None:
        self._running.clear()


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


def _context_length(model: Any) -> int:
    config = model.config.get_text_config()
    return int(getattr(config, "max_position_embeddings", _DEFAULT_CONTEXT))
