"""What is special to OpenVINO: folders beside .gguf files; and its runner over a model of random weights."""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportPrivateUsage=false

import json
import shutil
from pathlib import Path
from typing import Any

import openvino
import openvino_genai
import pytest
from openvino_tokenizers import convert_tokenizer
from transformers import AutoTokenizer

from warung.engine.build import EngineOptions, build_engine
from warung.engine.constraint import Regex
from warung.engine.engine import EngineUnavailable
from warung.engine.loader import ModelFormat, ModelSource
from warung.engine.openvino.probe import write_tiny_model
from warung.engine.openvino.properties import PROPERTIES
from warung.engine.openvino.runner import OpenVinoRunner
from warung.engine.request import ChatMessage, FinishReason, GenerationRequest, SamplingParams
from warung.engine.worker import Job, Step
from warung.errors import InvalidInput


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


async def likelihoods(model: Path, *, batch_invariant: bool) -> list[float]:
    """Of the most likely answer's first tokens, in several answers at a time."""
    engine = build_engine(EngineOptions("openvino", str(model), batch_invariant=batch_invariant))
    messages = [ChatMessage("user", "What is the capital of France?")]
    sampling = SamplingParams(max_tokens=6, temperature=0, logprobs=0)
    try:
        streams = [await engine.submit(GenerationRequest(f"{i}", messages, sampling)) for i in range(4)]
        told = [[event async for event in stream] for stream in streams]
    finally:
        await engine.close()
    return [one.logprob for event in told[0] for one in event.logprobs]


async def test_activations_are_quantised_where_the_operator_allows_it(model_file: Path) -> None:
    exact = await likelihoods(model_file, batch_invariant=True)
    quick = await likelihoods(model_file, batch_invariant=False)
    assert len(quick) == len(exact) == 6
    distances = [abs(one - other) for one, other in zip(quick, exact, strict=True)]
    assert 1e-3 < max(distances) < 1


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


LONG = tuple(number % 250 for number in range(1000))  # many steps of prompt
SMALL_CACHE_BLOCKS = 4


def runner_of(folder: Path, *, share_prefixes: bool = True) -> OpenVinoRunner:
    path = folder / "tiny.gguf"
    write_tiny_model(path, 2048)
    source = ModelSource("tiny", ModelFormat.GGUF, path)
    runner = OpenVinoRunner(source, hub_token=None, share_prefixes=share_prefixes)
    runner.load()
    return runner


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> OpenVinoRunner:
    return runner_of(tmp_path_factory.mktemp("tiny"))


def job(
    name: str, prompt: tuple[int, ...] = (72, 105), generated: tuple[int, ...] = (), **sampling: Any
) -> Job:
    fields: dict[str, Any] = {"max_tokens": 12, "temperature": 0, "seed": 3, **sampling}
    chosen = SamplingParams(**fields)
    return Job(name, prompt, chosen, generated)


def run(runner: OpenVinoRunner) -> list[list[Step]]:
    """What each step brought, until nothing is left to do."""
    steps: list[list[Step]] = []
    while runner.busy:
        steps.append(runner.step())
    return steps


def tokens_of(runner: OpenVinoRunner, asked: Job) -> tuple[int, ...]:
    runner.add(asked)
    return tuple(token for step in run(runner) for one in step for token in one.token_ids)


@pytest.mark.parametrize("share_prefixes", [True, False])
def test_an_equal_beginning_is_computed_once_if_it_may_be_shared(
    tmp_path: Path, *, share_prefixes: bool
) -> None:
    runner = runner_of(tmp_path, share_prefixes=share_prefixes)
    runner.add(job("first", LONG, max_tokens=1))
    first = run(runner)
    runner.add(job("second", (*LONG, 7), max_tokens=1))
    second = run(runner)
    assert len(first) > 10
    assert len(second) == (1 if share_prefixes else len(first))


def test_an_abort_takes_effect_before_the_next_step(runner: OpenVinoRunner) -> None:
    alone = tokens_of(runner, job("neighbour"))
    runner.add(job("neighbour"))
    runner.add(job("gone", max_tokens=1000))
    begun = runner.step()
    assert {step.request_id for step in begun} == {"neighbour", "gone"}
    runner.abort("gone")
    runner.abort("never there")
    rest = [one for step in run(runner) for one in step]
    assert {step.request_id for step in rest} == {"neighbour"}
    told = [one for one in begun if one.request_id == "neighbour"] + rest
    assert tuple(token for one in told for token in one.token_ids) == alone


def test_aborting_the_last_request_leaves_nothing_to_do(runner: OpenVinoRunner) -> None:
    runner.add(job("gone", max_tokens=1000))
    runner.step()
    runner.abort("gone")
    assert not runner.busy
    assert not runner._pipeline.has_non_finished_requests()


def test_a_prompt_beyond_the_cache_ends_with_a_clear_error(tmp_path: Path, runner: OpenVinoRunner) -> None:
    small = runner_of(tmp_path)
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.num_kv_blocks = SMALL_CACHE_BLOCKS
    small._pipeline = openvino_genai.ContinuousBatchingPipeline(
        tmp_path / "tiny.gguf", scheduler, "CPU", PROPERTIES
    )
    small.add(job("too long", LONG))
    (told,) = [one for step in run(small) for one in step]
    assert isinstance(told.error, EngineUnavailable)
    assert "KV cache" in told.error.message
    assert tokens_of(small, job("short")) == tokens_of(runner, job("short"))


CONTINUED: list[dict[str, Any]] = [
    {},
    {"repetition_penalty": 1.5},
    {"presence_penalty": 1.0, "frequency_penalty": 0.5},
    {"presence_penalty": 1.0, "temperature": 1.5},
    {"constraint": Regex("[a-z]{3,20}")},
]


@pytest.mark.parametrize("sampling", CONTINUED, ids=str)
def test_a_cut_answer_goes_on_as_if_it_had_not_been(runner: OpenVinoRunner, sampling: dict[str, Any]) -> None:
    whole = tokens_of(runner, job("whole", **sampling))
    assert len(whole) > 3
    for cut in range(1, len(whole)):
        assert whole[:cut] + tokens_of(runner, job("rest", generated=whole[:cut], **sampling)) == whole


def test_an_answer_that_cannot_be_written_once_more_is_not_continued(runner: OpenVinoRunner) -> None:
    runner.add(job("rest", generated=(1, 2), presence_penalty=1.0))
    (told,) = [one for step in run(runner) for one in step]
    assert isinstance(told.error, EngineUnavailable)
    assert told.error.code == "interrupted"
    assert not runner._pipeline.has_non_finished_requests()


def test_logprobs_of_a_continued_answer_are_those_of_its_new_tokens(runner: OpenVinoRunner) -> None:
    asked: dict[str, Any] = {"logprobs": 0, "presence_penalty": 1.0}
    runner.add(job("whole", **asked))
    whole = [one for step in run(runner) for told in step for one in told.likelihoods]
    runner.add(job("rest", generated=tuple(one.token_id for one in whole[:5]), **asked))
    rest = [one for step in run(runner) for told in step for one in told.likelihoods]
    assert rest == whole[5:]


def test_a_refused_constraint_takes_no_place(runner: OpenVinoRunner) -> None:
    with pytest.raises(InvalidInput):
        runner.add(job("refused", constraint=Regex("([")))
    assert not runner.busy


def test_an_answer_of_a_shape_ends_by_itself(runner: OpenVinoRunner) -> None:
    runner.add(job("shaped", temperature=1.5, constraint=Regex("[a-z]{5}")))
    last = run(runner)[-1][-1]
    assert last.finish_reason is FinishReason.STOP


def test_what_is_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    write_tiny_model(broken)
    broken.write_bytes(broken.read_bytes()[:4000])
    runner = OpenVinoRunner(ModelSource("broken", ModelFormat.GGUF, broken), hub_token=None)
    with pytest.raises(EngineUnavailable, match="OpenVINO can't read model broken"):
        runner.load()
