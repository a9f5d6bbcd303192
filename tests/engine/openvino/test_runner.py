"""What is special to OpenVINO: folders beside .gguf files."""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
import shutil
from pathlib import Path

import openvino
import openvino_genai
import pytest
from openvino_tokenizers import convert_tokenizer
from transformers import AutoTokenizer

from warung.engine.build import EngineOptions, build_engine
from warung.engine.engine import EngineUnavailable
from warung.engine.request import ChatMessage, GenerationRequest, SamplingParams


@pytest.fixture(scope="module")
def folder(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged model as an OpenVINO folder: OpenVINO leaves one beside the .gguf file, without the
    tokenizer."""
    place = tmp_path_factory.mktemp("openvino")
    gguf = Path(shutil.copy(model_file, place / "model.gguf"))
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size = 1
    openvino_genai.ContinuousBatchingPipeline(gguf, scheduler, "CPU", {"enable_save_ov_model": True})
    gguf.unlink()
    return place


async def answer(model: str) -> str:
    engine = build_engine(EngineOptions("openvino", model))
    messages = [ChatMessage("user", "What is the capital of France?")]
    request = GenerationRequest("one", messages, SamplingParams(max_tokens=24, temperature=0))
    try:
        return "".join([event.text async for event in await engine.submit(request)])
    finally:
        await engine.close()


async def test_a_folder_without_its_tokenizer_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"lacks config\.json, openvino_tokenizer\.xml"):
        await answer(str(folder))


async def test_a_folder_answers_as_its_gguf_file_does(folder: Path, model_file: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(folder, tmp_path / "SmolLM2-ov"))
    hugging_face = AutoTokenizer.from_pretrained(model_file.parent, gguf_file=model_file.name)
    converted = convert_tokenizer(hugging_face, with_detokenizer=True)
    assert isinstance(converted, tuple)
    tokenizer, detokenizer = converted
    openvino.save_model(tokenizer, whole / "openvino_tokenizer.xml")
    openvino.save_model(detokenizer, whole / "openvino_detokenizer.xml")
    (whole / "config.json").write_text(json.dumps({"max_position_embeddings": 8192}))
    template = {"chat_template": hugging_face.chat_template, "eos_token": "<|im_end|>"}
    (whole / "tokenizer_config.json").write_text(json.dumps(template))
    (whole / "generation_config.json").write_text(json.dumps({"eos_token_id": 2}))
    said = await answer(str(whole))
    assert "Paris" in said
    assert said == await answer(str(model_file))
