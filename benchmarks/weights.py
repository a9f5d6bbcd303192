"""Makes float32 safetensors of a .gguf file, for the servers that don't read one; knows no server.

Run by itself in an environment that has Transformers: python -m benchmarks.weights FILE.gguf FOLDER.
"""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import sys
from pathlib import Path
from typing import Any

_DONE = "model.safetensors"


def fp32_folder(gguf: Path, work: Path) -> Path:
    """Where the float32 copy of `gguf` stands or will stand."""
    return work / f"{gguf.stem}-fp32"


def is_converted(folder: Path) -> bool:
    return (folder / _DONE).exists()


def convert(gguf: Path, folder: Path) -> None:
    """Write the model, its tokenizer and chat template to `folder`; the weights come last."""
    import torch  # noqa: PLC0415
    from safetensors.torch import save_file  # noqa: PLC0415
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    model.config.architectures = [type(model).__name__]
    del model.config.quantization_config  # the copy isn't quantised any more
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    if model.config.tie_word_embeddings:  # a tied tensor stands once, as on the hub
        weights.pop("lm_head.weight", None)
    unfinished = folder / f"{_DONE}.part"
    save_file(weights, unfinished, metadata={"format": "pt"})
    unfinished.rename(folder / _DONE)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
