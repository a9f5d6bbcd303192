"""The quick engine on CPUs: OpenVINO GenAI's continuous batching over a .gguf file or an OpenVINO folder."""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import openvino_genai
import structlog
from gguf import GGUFReader

from warung.engine.engine import EngineUnavailable
from warung.engine.loader import ModelSource
from warung.engine.request import ChatMessage, FinishReason, SamplingParams
from warung.engine.text import Tokenizer, control_tokens_in
from warung.engine.weights import available_memory_bytes, fetch, require_memory, size_bytes
from warung.engine.worker import Step
from warung.errors import InvalidInput

log = structlog.get_logger(__name__)

# Exactness before speed (docs/decisions/0004): with a u8 cache, bf16 arithmetic or activations quantised by
# batch, a greedy answer would depend on what runs beside it and on where it was cut and continued.
_PROPERTIES = {
    "KV_CACHE_PRECISION": "f16",
    "INFERENCE_PRECISION_HINT": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
}
_FOLDER_FILES = ("config.json", "openvino_tokenizer.xml", "openvino_detokenizer.xml")
_CACHE_GB = 1
_WARM_UP_TOKENS = 16
_DEFAULT_CONTEXT = 4096

_FINISH_REASONS = {
    openvino_genai.GenerationFinishReason.STOP: FinishReason.STOP,
    openvino_genai.GenerationFinishReason.LENGTH: FinishReason.LENGTH,
}


class OpenVinoTokenizer:
    """The tokenizer inside the model's own file or folder."""

    def __init__(self, tokenizer: openvino_genai.Tokenizer, context_length: int) -> None:
        self._tokenizer = tokenizer
        # The tokenizer cuts a long text off at its own limit without a word: no prompt may be longer.
        self.context_length = min(context_length, len(self.encode("a " * (context_length + 1))))
        self.control_tokens = control_tokens_in(
            entry.decode("utf-8", "replace") for entry in tokenizer.get_vocab()
        )

    def encode(self, text: str) -> list[int]:
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        return [int(token) for token in encoded.input_ids.data[0]]

    def decode(self, token_ids: Sequence[int]) -> str:
        return self._tokenizer.decode(list(token_ids)) if token_ids else ""

    def render(self, messages: Sequence[ChatMessage]) -> str:
        history = [{"role": m.role, "content": m.content} for m in messages]
        try:
            return self._tokenizer.apply_chat_template(history, add_generation_prompt=True)
        except RuntimeError as error:
            raise InvalidInput(
                f"the model's chat template refuses these messages: {error}", field="messages"
            ) from error


class OpenVinoRunner:
    """Steps a ContinuousBatchingPipeline, which chunks prefill and caches shared prefixes by itself."""

    def __init__(self, source: ModelSource, *, hub_token: str | None) -> None:
        self._source = source
        self._hub_token = hub_token
        self._handles: dict[str, Any] = {}
        self._number = 0

    def load(self) -> Tokenizer:
        path = fetch(self._source, token=self._hub_token)
        _require_whole(path)
        weights = [path] if path.is_file() else path.glob("*.bin")
        require_memory(self._source.name, size_bytes(weights) + _CACHE_GB * 2**30, available_memory_bytes())
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size = _CACHE_GB
        scheduler.enable_prefix_caching = True
        try:
            self._pipeline = openvino_genai.ContinuousBatchingPipeline(path, scheduler, "CPU", _PROPERTIES)
        except RuntimeError as error:
            log.exception("OpenVINO can't read the model", model=self._source.name)
            raise EngineUnavailable(
                f"OpenVINO can't read model {self._source.name}; the server's log has the details"
            ) from error
        tokenizer = OpenVinoTokenizer(self._pipeline.get_tokenizer(), _context_length(path))
        self._warm_up(tokenizer)
        return tokenizer

    def _warm_up(self, tokenizer: Tokenizer) -> None:
        """Run a few steps unseen: the first ones compile kernels and take twice as long."""
        prompt = tokenizer.encode(tokenizer.render([ChatMessage("user", "Hello")]))
        self.add("warm-up", prompt, SamplingParams(max_tokens=_WARM_UP_TOKENS, temperature=0))
        while self.busy:
            self.step()

    @property
    def busy(self) -> bool:
        return bool(self._handles)

    def add(self, request_id: str, prompt: Sequence[int], sampling: SamplingParams) -> None:
        config = self._pipeline.get_config()
        config.max_new_tokens = sampling.max_tokens
        config.do_sample = not sampling.greedy
        if config.do_sample:
            config.temperature, config.top_p, config.top_k = sampling.temperature, sampling.top_p, 2**31
            config.rng_seed = sampling.seed
        ids = openvino.Tensor(np.array([prompt], dtype=np.int64))
        self._number += 1
        self._handles[request_id] = self._pipeline.add_request(self._number, ids, config)

    def abort(self, request_id: str) -> None:
        if handle := self._handles.pop(request_id, None):
            handle.cancel()
            if not self._handles:
                self._sweep()

    def _sweep(self) -> None:
        """Let the pipeline notice cancelled requests when no other request makes it step."""
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()

    def step(self) -> list[Step]:
        self._pipeline.step()
        steps = [step for request_id in list(self._handles) if (step := self._read(request_id))]
        for step in steps:
            if step.finish_reason or step.error:
                del self._handles[step.request_id]
        return steps

    def _read(self, request_id: str) -> Step | None:
        handle = self._handles[request_id]
        if handle.can_read():
            output = next(iter(handle.read().values()))
            return Step(request_id, tuple(output.generated_ids), _FINISH_REASONS.get(output.finish_reason))
        if handle.get_status() == openvino_genai.GenerationStatus.IGNORED:
            return Step(
                request_id, error=EngineUnavailable("the prompt doesn't fit into the engine's KV cache")
            )
        return None

    def close(self) -> None:
        self._handles.clear()


def _require_whole(path: Path) -> None:
    """Raises EngineUnavailable for a folder that was exported without what answering needs."""
    missing = [] if path.is_file() else [name for name in _FOLDER_FILES if not (path / name).exists()]
    if missing:
        raise EngineUnavailable(
            f"the OpenVINO folder {path.name} lacks {', '.join(missing)}: export it with its tokenizer"
        )


def _context_length(path: Path) -> int:
    """The model's own limit on prompt and answer together, in tokens."""
    if path.is_file():
        fields = GGUFReader(path).fields
        architecture = str(fields["general.architecture"].contents())
        return int(fields[f"{architecture}.context_length"].contents())
    config = json.loads((path / "config.json").read_text())
    return int(config.get("max_position_embeddings", _DEFAULT_CONTEXT))
