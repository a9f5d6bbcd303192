"""OpenVINO's pipeline over a model of random weights, which says whatever its grammar lets it."""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from pathlib import Path
from typing import Any

import numpy as np
import openvino
import openvino_genai

from warung.engine.constraint import Constraint
from warung.engine.openvino.grammar import structured_output
from warung.engine.openvino.probe import write_tiny_model
from warung.engine.openvino.properties import PROPERTIES

_CONTEXT = 4096


class RandomModel:
    def __init__(self, folder: Path) -> None:
        path = folder / "random.gguf"
        write_tiny_model(path, _CONTEXT)
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.num_kv_blocks = 8 * _CONTEXT // 32
        self._pipeline = openvino_genai.ContinuousBatchingPipeline(path, scheduler, "CPU", PROPERTIES)
        vocabulary = self._pipeline.get_tokenizer().get_vocab()
        self._bytes = {number: entry for entry, number in vocabulary.items()}

    def answers(
        self, constraint: Constraint, count: int = 4, max_tokens: int = 400
    ) -> list[tuple[str, bool]]:
        """Texts, and whether each came to its end. Raises InvalidInput."""
        handles = [self._begin(constraint, seed, max_tokens) for seed in range(count)]
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()
        return [self._told(next(iter(handle.read_all()))) for handle in handles]

    def _begin(self, constraint: Constraint, seed: int, max_tokens: int) -> Any:
        config = self._pipeline.get_config()
        config.max_new_tokens, config.rng_seed = max_tokens, seed
        config.do_sample, config.temperature, config.top_k = True, 2.0, 1000
        config.structured_output_config = structured_output(constraint)
        return self._pipeline.add_request(seed, openvino.Tensor(np.array([[65]], dtype=np.int64)), config)

    def _told(self, output: Any) -> tuple[str, bool]:
        ended = output.finish_reason == openvino_genai.GenerationFinishReason.STOP
        pieces = [self._bytes[token] for token in output.generated_ids if token != max(self._bytes)]
        return b"".join(pieces).decode("utf-8", "strict" if ended else "ignore"), ended
