"""The model libraries alone, in this process and without HTTP: what a server is measured against.

Run by engine.py: python -m benchmarks.bare NAME MODEL STREAMS REPEATS TOKENS; prints one line of JSON,
{load_seconds, rss_mb, bursts: {streams: [[{sent, arrivals, tokens, prompt_tokens}]]}}.
"""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import psutil

from benchmarks.measure import Answer, Burst
from benchmarks.prompts import Message, stories


@dataclass(frozen=True, slots=True)
class Bare:
    """A library to measure; `reads_gguf` says which of the two forms of the weights it gets."""

    name: str
    title: str
    packages: tuple[str, ...]
    reads_gguf: bool
    most_streams: int = 1_000_000

    @property
    def weights(self) -> str:
        return "Q4_1 .gguf" if self.reads_gguf else "fp32"

    @property
    def install(self) -> str:
        return f"pip install {' '.join(self.packages)}"


_OPENVINO = ("openvino-genai", "openvino")
_TRANSFORMERS = ("transformers", "torch")

LIBRARIES = (
    Bare("bare-openvino", "bare OpenVINO GenAI, warung's properties", _OPENVINO, reads_gguf=True),
    Bare("bare-openvino-defaults", "bare OpenVINO GenAI, defaults, KV f16", _OPENVINO, reads_gguf=True),
    Bare("bare-loop", "bare model.forward loop", _TRANSFORMERS, reads_gguf=False),
    Bare("bare-generate", "bare model.generate", _TRANSFORMERS, reads_gguf=False, most_streams=1),
)


class Library(Protocol):
    def burst(self, prompts: Sequence[Sequence[Message]], tokens: int) -> Burst: ...


class OpenVino:
    """ContinuousBatchingPipeline stepped by hand, set up as warung does or by OpenVINO's own defaults."""

    def __init__(self, model: Path, *, defaults: bool) -> None:
        import openvino_genai  # noqa: PLC0415

        from warung.engine.openvino.properties import PROPERTIES  # noqa: PLC0415
        from warung.engine.openvino.runner import scheduler_config  # noqa: PLC0415

        properties = {"KV_CACHE_PRECISION": "f16"} if defaults else PROPERTIES
        scheduler = openvino_genai.SchedulerConfig() if defaults else scheduler_config(1)
        scheduler.cache_size = 1
        self._pipeline = openvino_genai.ContinuousBatchingPipeline(model, scheduler, "CPU", properties)
        self._tokenizer = self._pipeline.get_tokenizer()
        self._number = 0

    def burst(self, prompts: Sequence[Sequence[Message]], tokens: int) -> Burst:
        sent = time.perf_counter()
        asked = [self._add(prompt, tokens) for prompt in prompts]
        handles, lengths = [handle for handle, _ in asked], [length for _, length in asked]
        arrivals: list[list[float]] = [[] for _ in prompts]
        counts = [0] * len(handles)
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()
            now = time.perf_counter()
            for index, handle in enumerate(handles):
                if handle.can_read():
                    counts[index] += len(next(iter(handle.read().values())).generated_ids)
                    arrivals[index].append(now)
        return Burst(
            tuple(Answer(sent, tuple(a), c, n) for a, c, n in zip(arrivals, counts, lengths, strict=True))
        )

    def _add(self, prompt: Sequence[Message], tokens: int) -> tuple[Any, int]:
        text = self._tokenizer.apply_chat_template(list(prompt), add_generation_prompt=True)
        ids = self._tokenizer.encode(text, add_special_tokens=False).input_ids
        config = self._pipeline.get_config()
        config.max_new_tokens, config.do_sample = tokens, False
        self._number += 1
        return self._pipeline.add_request(self._number, ids, config), int(ids.shape[1])


class TransformersLoop:
    """A padded batch, decoded greedily by `model.forward` over a DynamicCache."""

    def __init__(self, model: Path) -> None:
        import torch  # noqa: PLC0415
        from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

        self._torch = torch
        self._tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
        self._model: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()

    def burst(self, prompts: Sequence[Sequence[Message]], tokens: int) -> Burst:
        sent = time.perf_counter()
        batch = self._encode(prompts)
        ends = self._model.generation_config.eos_token_id
        arrivals: list[list[float]] = [[] for _ in prompts]
        running = set(range(len(prompts)))
        for picked in islice(self._steps(batch), tokens):
            now = time.perf_counter()
            for index in tuple(running):
                arrivals[index].append(now)
                if picked[index] == ends:
                    running.discard(index)
            if not running:
                break
        lengths = batch["attention_mask"].sum(dim=1).tolist()
        return Burst(tuple(Answer(sent, tuple(a), len(a), n) for a, n in zip(arrivals, lengths, strict=True)))

    def _encode(self, prompts: Sequence[Sequence[Message]]) -> Any:
        return self._tokenizer.apply_chat_template(
            [list(prompt) for prompt in prompts],
            add_generation_prompt=True,
            padding=True,
            return_tensors="pt",
            return_dict=True,
        )

    def _steps(self, batch: Any) -> Iterator[list[int]]:
        """The next token of every sequence, step after step."""
        from transformers import DynamicCache  # noqa: PLC0415

        torch = self._torch
        ids, mask = batch["input_ids"], batch["attention_mask"]
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        cache = DynamicCache(config=self._model.config)
        while True:
            # Not around the loop: a generator would leave the mode on in its caller between two steps.
            with torch.inference_mode():
                output = self._model(
                    input_ids=ids,
                    attention_mask=mask,
                    position_ids=positions,
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
                ids = output.logits[:, -1].argmax(dim=-1, keepdim=True)
                mask = torch.cat([mask, torch.ones_like(ids)], dim=1)
                positions = positions[:, -1:] + 1
            yield ids[:, 0].tolist()


class TransformersGenerate(TransformersLoop):
    """`model.generate`, one question after another."""

    def burst(self, prompts: Sequence[Sequence[Message]], tokens: int) -> Burst:
        return Burst(tuple(self._generate(prompt, tokens) for prompt in prompts))

    def _generate(self, prompt: Sequence[Message], tokens: int) -> Answer:
        streamer = _Arrivals()
        sent = time.perf_counter()
        batch = self._encode([prompt])
        ids = self._model.generate(**batch, max_new_tokens=tokens, do_sample=False, streamer=streamer)
        length = int(batch["input_ids"].shape[1])
        return Answer(sent, tuple(streamer.times), int(ids.shape[1]) - length, length)


class _Arrivals:
    """A streamer of `generate`; the first thing it is given is the prompt."""

    def __init__(self) -> None:
        self._calls: list[float] = []

    @property
    def times(self) -> list[float]:
        return self._calls[1:]

    def put(self, _tokens: Any) -> None:
        self._calls.append(time.perf_counter())

    def end(self) -> None:
        pass


def load(name: str, model: Path) -> Library:
    if name in {"bare-openvino", "bare-openvino-defaults"}:
        return OpenVino(model, defaults=name.endswith("defaults"))
    return TransformersLoop(model) if name == "bare-loop" else TransformersGenerate(model)


def main(name: str, model: Path, streams: Sequence[int], repeats: int, tokens: int) -> None:
    begun = time.perf_counter()
    library = load(name, model)
    load_seconds = time.perf_counter() - begun
    questions = stories()
    for count in streams:  # unseen: the first steps of each size compile kernels
        library.burst(list(islice(questions, count)), min(tokens, 8))
    bursts = {
        count: [library.burst(list(islice(questions, count)), tokens) for _ in range(repeats)]
        for count in streams
    }
    answers = {
        count: [[asdict(answer) for answer in burst.answers] for burst in repeated]
        for count, repeated in bursts.items()
    }
    rss_mb = psutil.Process().memory_info().rss / 1e6
    report = {"load_seconds": load_seconds, "rss_mb": rss_mb, "bursts": answers}
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main(
        sys.argv[1],
        Path(sys.argv[2]),
        [int(streams) for streams in sys.argv[3].split(",")],
        int(sys.argv[4]),
        int(sys.argv[5]),
    )
