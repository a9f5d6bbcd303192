"""The quick engine on CPUs: OpenVINO GenAI's continuous batching over a .gguf file or an OpenVINO folder."""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino
import openvino_genai

from warung.engine.engine import EngineUnavailable
from warung.engine.features import ALL_FEATURES, Feature
from warung.engine.loader import ModelSource
from warung.engine.openvino.files import UNREADABLE, context_length, require_whole, unreadable
from warung.engine.openvino.grammar import structured_output
from warung.engine.openvino.probe import GrammarProbe
from warung.engine.openvino.properties import PROPERTIES, QUICK_PROPERTIES
from warung.engine.openvino.tokenizer import OpenVinoTokenizer
from warung.engine.request import MAX_SEED, ChatMessage, FinishReason, SamplingParams
from warung.engine.text import Tokenizer
from warung.engine.weights import available_memory_bytes, fetch, fingerprint, require_memory, size_bytes
from warung.engine.worker import Job, Likelihood, Step

_CACHE_BYTES = 2**30
_STEP_TOKENS = 32
_ALL_TOKENS = 2**31
_MOST_MIN_P = 1 - 2**-20  # 1 itself is refused there
_WARM_UP_TOKENS = 16

_FINISH_REASONS = {
    openvino_genai.GenerationFinishReason.STOP: FinishReason.STOP,
    openvino_genai.GenerationFinishReason.LENGTH: FinishReason.LENGTH,
}


@dataclass(slots=True)
class _Running:
    """A request in the pipeline. `to_repeat` are tokens of an answer that was cut, which come once more."""

    handle: Any
    logprobs: bool
    to_repeat: list[int]


class OpenVinoRunner:
    """Steps a ContinuousBatchingPipeline, which chunks prefill and caches shared prefixes by itself.

    The pipeline can't keep the prefixes of tenants apart: `share_prefixes` false turns sharing off. With
    `batch_invariant` false it quantises activations: quicker, but an answer depends on what runs beside it.
    """

    features: frozenset[Feature] = ALL_FEATURES - {Feature.LOGIT_BIAS, Feature.TOP_LOGPROBS}

    def __init__(
        self,
        source: ModelSource,
        *,
        hub_token: str | None,
        cache_bytes: int | None = None,
        share_prefixes: bool = True,
        batch_invariant: bool = True,
    ) -> None:
        self._source = source
        self._hub_token = hub_token
        self._cache_gb = max(1, (cache_bytes or _CACHE_BYTES) // 2**30)
        self._share_prefixes = share_prefixes
        self._properties = PROPERTIES if batch_invariant else QUICK_PROPERTIES
        self._running: dict[str, _Running] = {}
        self._number = 0
        self.version = ""

    def load(self) -> Tokenizer:
        path = fetch(self._source, token=self._hub_token)
        require_whole(path)
        weights = [path] if path.is_file() else list(path.glob("*.bin"))
        needed = size_bytes(weights) + self._cache_gb * 2**30
        require_memory(self._source.name, needed, available_memory_bytes())
        try:
            limit = context_length(path)  # first, since OpenVINO dies of a file that is cut off
            self._pipeline = openvino_genai.ContinuousBatchingPipeline(
                path,
                scheduler_config(self._cache_gb, share_prefixes=self._share_prefixes),
                "CPU",
                self._properties,
            )
        except UNREADABLE as error:
            raise unreadable(self._source.name, error) from error
        self._probe = GrammarProbe()
        self.version = fingerprint("openvino-genai", weights)
        tokenizer = OpenVinoTokenizer(self._pipeline.get_tokenizer(), limit)
        self._warm_up(tokenizer)
        return tokenizer

    def _warm_up(self, tokenizer: Tokenizer) -> None:
        """Run a few steps unseen: the first ones compile kernels and take twice as long."""
        prompt = tokenizer.encode(tokenizer.render([ChatMessage("user", "Hello")]))
        sampling = SamplingParams(max_tokens=_WARM_UP_TOKENS, temperature=0)
        self.add(Job("warm-up", tuple(prompt), sampling))
        while self.busy:
            self.step()

    @property
    def busy(self) -> bool:
        return bool(self._running)

    def add(self, job: Job) -> None:
        repeats = bool(job.generated) and _depends_on_written(job.sampling)
        known = job.prompt if repeats else job.prompt + job.generated
        config = self._config(job.sampling, begun=len(known) - len(job.prompt))
        if job.sampling.constraint:
            config.structured_output_config = structured_output(job.sampling.constraint)
            self._probe.require(job.sampling.constraint)
        ids = openvino.Tensor(np.array([known], dtype=np.int64))
        self._number += 1
        self._running[job.id] = _Running(
            self._pipeline.add_request(self._number, ids, config),
            job.sampling.logprobs is not None,
            list(job.generated) if repeats else [],
        )

    def _config(self, sampling: SamplingParams, *, begun: int) -> openvino_genai.GenerationConfig:
        config = self._pipeline.get_config()
        config.max_new_tokens = sampling.max_tokens - begun
        config.do_sample = not sampling.greedy
        if config.do_sample:
            config.temperature, config.top_p = sampling.temperature, sampling.top_p
            config.top_k = sampling.top_k or _ALL_TOKENS
            config.min_p = min(sampling.min_p, _MOST_MIN_P)
            # With the seed alone, a continuation would draw the first tokens' numbers once more.
            config.rng_seed = (sampling.seed + begun) % MAX_SEED
        config.presence_penalty = sampling.presence_penalty
        config.frequency_penalty = sampling.frequency_penalty
        config.repetition_penalty = sampling.repetition_penalty
        config.logprobs = 0 if sampling.logprobs is None else 1
        return config

    def abort(self, request_id: str) -> None:
        if running := self._running.pop(request_id, None):
            running.handle.cancel()
            if not self._running:
                self._sweep()

    def _sweep(self) -> None:
        """Let the pipeline notice cancelled requests when no other request makes it step."""
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()

    def step(self) -> list[Step]:
        self._pipeline.step()
        steps = [step for request_id in list(self._running) if (step := self._read(request_id))]
        for step in steps:
            if step.finish_reason or step.error:
                del self._running[step.request_id]
        if not self._running:
            self._sweep()
        return steps

    def _read(self, request_id: str) -> Step | None:
        running = self._running[request_id]
        if running.handle.get_status() == openvino_genai.GenerationStatus.IGNORED:
            return Step(
                request_id, error=EngineUnavailable("the request doesn't fit into the engine's KV cache")
            )
        if not running.handle.can_read():
            return None
        output = next(iter(running.handle.read().values()))
        return _step(request_id, running, output)

    def close(self) -> None:
        self._running.clear()


def scheduler_config(cache_gb: int, *, share_prefixes: bool = True) -> openvino_genai.SchedulerConfig:
    """Prompts are read in small pieces, since every running answer waits for a whole step."""
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size = cache_gb
    scheduler.enable_prefix_caching = share_prefixes
    scheduler.max_num_batched_tokens = _STEP_TOKENS
    return scheduler


def _depends_on_written(sampling: SamplingParams) -> bool:
    """Whether the next token depends on what the pipeline counts as written, not only on all that stands
    before it; then a cut answer is written once more from its beginning."""
    return bool(sampling.constraint or sampling.presence_penalty or sampling.frequency_penalty)


def _step(request_id: str, running: _Running, output: Any) -> Step | None:
    tokens, logprobs = list(output.generated_ids), list(output.generated_log_probs)
    again = min(len(tokens), len(running.to_repeat))
    if tokens[:again] != running.to_repeat[:again]:
        running.handle.cancel()
        return Step(request_id, error=EngineUnavailable("the answer can't be continued", code="interrupted"))
    del running.to_repeat[:again]
    reason = _FINISH_REASONS.get(output.finish_reason)
    if again == len(tokens) and again and not reason:
        return None
    likelihoods = zip(tokens[again:], logprobs[again:], strict=True) if running.logprobs else ()
    told = tuple(Likelihood(token, logprob) for token, logprob in likelihoods)
    return Step(request_id, tuple(tokens[again:]), reason, likelihoods=told)
