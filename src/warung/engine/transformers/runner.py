"""Runs a Hugging Face model step by step: one forward pass a step for all running sequences."""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from itertools import accumulate
from pathlib import Path

import torch
from gguf import GGUFReader
from transformers import AutoModelForCausalLM, AutoTokenizer

from warung.engine.engine import EngineUnavailable
from warung.engine.features import ALL_FEATURES, Feature
from warung.engine.loader import ModelSource
from warung.engine.request import FinishReason, SamplingParams
from warung.engine.text import Tokenizer
from warung.engine.transformers.attention import IMPLEMENTATION, KvCache, StepLayout
from warung.engine.transformers.grammar import Grammars
from warung.engine.transformers.kv_blocks import BlockPool, chain
from warung.engine.transformers.kv_window import KvWindow
from warung.engine.transformers.model_facts import bytes_per_token, context_length, end_tokens, unlike
from warung.engine.transformers.options import ModelOptions
from warung.engine.transformers.packing import pack
from warung.engine.transformers.sampler import Sampled, sample
from warung.engine.transformers.scheduler import Chunk, Limits, Scheduler
from warung.engine.transformers.sequence import Sequence as TokenSequence
from warung.engine.transformers.tokenizer import TransformersTokenizer
from warung.engine.weights import available_memory_bytes, fetch, fingerprint, require_memory, size_bytes
from warung.engine.worker import Job, Step
from warung.errors import InvalidInput

_BLOCK_TOKENS = 16
_CACHE_BYTES = 2**30
# The window may hold one token for so many that the blocks hold.
_WINDOW_SHARE = 4
_MOST_RUNNING = 64
# A prompt is read in pieces. Beside running answers they are small, since each answer waits for a whole step.
_STEP_TOKENS = {"cpu": 256, "cuda": 8192}
_BESIDE_TOKENS = {"cpu": 32, "cuda": 2048}
_NOTHING_FOLLOWS = (
    "no token can follow: the model computed no numbers, or the answer's grammar became too complex"
)


class TransformersRunner:
    """Sequences join and leave between steps; equal beginnings are computed once.

    `limits` bound a step (None: what suits the device); the cache has blocks of `block_tokens`, and holds
    `cache_tokens` where that is given.
    """

    features: frozenset[Feature] = ALL_FEATURES

    def __init__(
        self,
        source: ModelSource,
        options: ModelOptions,
        *,
        limits: Limits | None = None,
        block_tokens: int = _BLOCK_TOKENS,
        cache_tokens: int | None = None,
    ) -> None:
        self._source = source
        self._options = options
        self._limits = limits
        self._block_tokens = block_tokens
        self._cache_tokens = cache_tokens
        self._scheduler: Scheduler | None = None
        self.version = ""

    def load(self) -> Tokenizer:
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
        self.version = fingerprint("transformers", _weights(path))
        self._require_one_device()
        self._ends = end_tokens(self._model, tokenizer)
        self._grammars = Grammars(tokenizer, self._ends, self._model.config.get_text_config().vocab_size)
        # Half of what is left beside the cache: others want some of it, too.
        spare_bytes = (available_memory_bytes() - (self._options.cache_bytes or _CACHE_BYTES)) // 2
        pack(self._model, spare_bytes=spare_bytes)
        in_blocks = self._cache_bytes() * _WINDOW_SHARE // (_WINDOW_SHARE + 1)
        self._begin(self._cache_tokens or in_blocks // bytes_per_token(self._model))
        return TransformersTokenizer(tokenizer, context_length(self._model), self._grammars.spellings())

    def _require_one_device(self) -> None:
        """Raises EngineUnavailable for a model that was spread over several: the cache has one place."""
        devices = sorted({str(weight.device) for weight in self._model.parameters()})
        if len(devices) > 1:
            raise EngineUnavailable(
                f"DEVICE_MAP={self._options.device_map} spreads model {self._source.name} over"
                f" {', '.join(devices)}: name the one that holds it all (cuda:0), or let a server that can"
                " spread it run it (UPSTREAM_URL)"
            )

    def _cache_bytes(self) -> int:
        if self._options.cache_bytes or self._model.device.type != "cuda":
            return self._options.cache_bytes or _CACHE_BYTES
        return torch.cuda.mem_get_info(self._model.device)[0] // 2

    def _require_memory(self, path: Path) -> None:
        if path.is_file():
            needed = (
                sum(int(tensor.n_elements) for tensor in GGUFReader(path).tensors) * torch.float32.itemsize
            )
        else:
            needed = size_bytes(_weights(path))
        available = available_memory_bytes()
        if self._options.device_map != "cpu":
            available += sum(torch.cuda.mem_get_info(i)[0] for i in range(torch.cuda.device_count()))
        require_memory(self._source.name, needed + (self._options.cache_bytes or _CACHE_BYTES), available)

    def _begin(self, cache_tokens: int) -> None:
        blocks = max(1, cache_tokens // self._block_tokens)
        window = KvWindow(blocks * self._block_tokens // _WINDOW_SHARE)
        self._cache = KvCache(blocks, self._block_tokens, window)
        self._require_plain_attention()
        device = "cuda" if self._model.device.type == "cuda" else "cpu"
        limits = self._limits or Limits(_STEP_TOKENS[device], _BESIDE_TOKENS[device], _MOST_RUNNING)
        self._scheduler = Scheduler(BlockPool(blocks, self._block_tokens), limits)

    @torch.inference_mode()
    def _require_plain_attention(self) -> None:
        """Raises EngineUnavailable for a model that keeps more than keys and values between steps, or whose
        attention is not all of that which is computed here; it would answer, but not as itself."""
        config = self._model.config.get_text_config()
        problem = unlike(config)
        if not problem:
            probe = TokenSequence("probe", [0], 1, SamplingParams(max_tokens=1), self._ends, blocks=[0])
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

    def add(self, job: Job) -> None:
        size = self._grammars.size
        if unknown := [token for token in job.sampling.logit_bias if token >= size]:
            raise InvalidInput(
                f"logit_bias names token {unknown[0]}; this model's tokens are numbered 0 to {size - 1}",
                field="logit_bias",
            )
        constraint = job.sampling.constraint
        sequence = TokenSequence(
            job.id,
            [*job.prompt, *job.generated],
            len(job.prompt),
            job.sampling,
            self._ends,
            root=b"" if self._options.share_prefixes else chain(b"", list(job.tenant.encode())),
            matcher=self._grammars.matcher(constraint, job.generated) if constraint else None,
        )
        self._ready().add(sequence)

    def abort(self, request_id: str) -> None:
        self._ready().remove(request_id)

    @torch.inference_mode()
    def step(self) -> list[Step]:
        scheduler = self._ready()
        chunks = sorted(scheduler.plan(), key=lambda chunk: chunk.count > 1)
        sequences = [chunk.sequence for chunk in chunks if chunk.samples]
        logits = self._forward(chunks)
        drawn = sample(logits, sequences) if sequences else []
        sampled = {sequence.id: one for sequence, one in zip(sequences, drawn, strict=True)}
        tokens = {name: one.token for name, one in sampled.items() if one.token is not None}
        steps = [
            _step(sequence, reason, sampled[sequence.id])
            for sequence, reason in scheduler.advance(chunks, tokens)
        ]
        for name in sampled.keys() - tokens.keys():
            scheduler.remove(name)
            steps.append(Step(name, error=EngineUnavailable(_NOTHING_FOLLOWS)))
        return steps

    def _forward(self, chunks: list[Chunk]) -> torch.Tensor:
        """The logits after each chunk that gives a token, shape (sequences, vocabulary)."""
        device = self._model.device
        tokens = [token for c in chunks for token in c.sequence.tokens[c.start : c.start + c.count]]
        layout = StepLayout.of(chunks, self._cache, device)
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


def _step(sequence: TokenSequence, reason: FinishReason | None, sampled: Sampled) -> Step:
    likelihoods = (sampled.likelihood,) if sampled.likelihood else ()
    return Step(sequence.id, (sequence.tokens[-1],), reason, likelihoods=likelihoods)


def _weights(path: Path) -> list[Path]:
    return [path] if path.is_file() else list(path.glob("*.safetensors"))
