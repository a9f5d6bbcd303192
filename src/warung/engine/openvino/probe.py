"""Tries a constraint on a model of a few kilobytes, before it may touch the one that serves.

OpenVINO GenAI compiles a grammar inside a step of its pipeline, and a grammar that fails there leaves the
pipeline unusable for all requests.
"""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import re
import tempfile
from pathlib import Path

import numpy as np
import openvino
import openvino_genai
from gguf import GGUFWriter

from warung.engine.constraint import Constraint
from warung.engine.openvino.grammar import field_of, structured_output
from warung.engine.openvino.properties import PROPERTIES
from warung.errors import InvalidInput

_WIDTH = 32
_CONTEXT = 128
_REMEMBERED = 256


class GrammarProbe:
    """A pipeline of its own over random weights."""

    def __init__(self) -> None:
        self._pipeline = _pipeline()
        self._passed: dict[Constraint, None] = {}

    def require(self, constraint: Constraint) -> None:
        """Raises InvalidInput for a constraint that the grammar engine can't compile."""
        if constraint in self._passed:
            return
        config = self._pipeline.get_config()
        config.max_new_tokens = 1
        config.structured_output_config = structured_output(constraint)
        try:
            handle = self._pipeline.add_request(0, openvino.Tensor(np.array([[65]], dtype=np.int64)), config)
            while self._pipeline.has_non_finished_requests():
                self._pipeline.step()
            handle.read_all()  # a handle that is let go of earlier cancels its request
        except RuntimeError as error:
            self._pipeline = _pipeline()
            field = field_of(constraint)
            raise InvalidInput(
                f"{field} can't be followed by the model: {_reason(error)}", field=field
            ) from error
        self._passed[constraint] = None
        if len(self._passed) > _REMEMBERED:
            del self._passed[next(iter(self._passed))]


def _reason(error: RuntimeError) -> str:
    """The last part of the library's message, without the source file that it names."""
    line = " ".join(str(error).split())
    return re.sub(r"^.*\.(cc|cpp|h|hpp):\d+: ", "", line)[:300]


def _pipeline() -> openvino_genai.ContinuousBatchingPipeline:
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.num_kv_blocks = 4
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "probe.gguf")
        write_tiny_model(path)
        # In 16-bit arithmetic, the choice of many CPUs, a model this small ends the process.
        return openvino_genai.ContinuousBatchingPipeline(path, scheduler, "CPU", PROPERTIES)


def write_tiny_model(path: Path, context_length: int = _CONTEXT) -> None:
    """A Llama of one layer whose tokens are the 256 bytes, `ab` and an end. The context is in tokens."""
    entries = [*_byte_entries(), "ab", "<end>"]
    end = len(entries) - 1
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(context_length)
    writer.add_embedding_length(_WIDTH)
    writer.add_feed_forward_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(_WIDTH // 2)
    writer.add_rope_freq_base(10_000)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(entries))
    writer.add_file_type(1)  # 16-bit floats
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(entries)
    writer.add_token_types([1] * end + [3])  # the last is a control token
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)
    writer.add_pad_token_id(end)
    writer.add_chat_template("{% for message in messages %}{{ message.content }}{% endfor %}")
    random = np.random.default_rng(0)
    square = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    shapes = {"token_embd": (len(entries), _WIDTH), "output": (len(entries), _WIDTH)}
    shapes |= {f"blk.0.{name}": (_WIDTH, _WIDTH) for name in square}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", random.normal(0, 0.1, shape).astype(np.float16))
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(_WIDTH, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _byte_entries() -> list[str]:
    """How byte-level vocabularies spell each byte: printable ones as they are, the others from U+0100 on."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]
