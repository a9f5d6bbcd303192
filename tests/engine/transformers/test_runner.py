"""One small random model, stepped by hand."""

# Only the scheduler knows what a step computes.
# pyright: reportPrivateUsage=false

import math
from pathlib import Path
from typing import Any

import pytest

from engine.transformers.tiny_models import VOCABULARY, runner_of, save
from warung.engine.engine import EngineUnavailable
from warung.engine.request import FinishReason, SamplingParams
from warung.engine.transformers.runner import TransformersRunner
from warung.engine.transformers.scheduler import Chunk, Limits
from warung.engine.worker import Job, Step
from warung.errors import InvalidInput

PROMPT = tuple(range(10, 50))
NEW_TOKENS = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("models") / "llama", "llama")


def loaded(folder: Path, **options: Any) -> TransformersRunner:
    runner = runner_of(folder, limits=Limits(64, 16, 8), block_tokens=4, cache_tokens=400, **options)
    runner.load()
    return runner


def job(name: str = "one", prompt: tuple[int, ...] = PROMPT, **fields: Any) -> Job:
    whole = {"generated": (), "tenant": ""}
    kept: dict[str, Any] = {key: fields.pop(key, default) for key, default in whole.items()}
    given: dict[str, Any] = {"temperature": 0, "max_tokens": NEW_TOKENS, **fields}
    return Job(name, prompt, SamplingParams(**given), **kept)


def steps_of(runner: TransformersRunner) -> list[Step]:
    steps: list[Step] = []
    while runner.busy:
        steps += runner.step()
    return steps


def tokens_of(runner: TransformersRunner, one: Job) -> tuple[int, ...]:
    runner.add(one)
    return tuple(token for step in steps_of(runner) for token in step.token_ids)


def watch(runner: TransformersRunner) -> list[int]:
    """The numbers of tokens that the steps from now on compute."""
    scheduler = runner._ready()
    computed: list[int] = []
    plan = scheduler.plan

    def noted() -> list[Chunk]:
        chunks = plan()
        computed.append(sum(chunk.count for chunk in chunks))
        return chunks

    scheduler.plan = noted
    return computed


def test_a_prompt_is_read_in_pieces_and_an_equal_beginning_once(folder: Path) -> None:
    runner = loaded(folder)
    computed = watch(runner)
    long = tuple(range(10, 160))
    tokens_of(runner, job(prompt=long, max_tokens=1))
    assert computed == [64, 64, 22]
    tokens_of(runner, job("two", prompt=(*long, 5, 6), max_tokens=1))
    assert computed[3:] == [152 - 148]


@pytest.mark.parametrize(
    ("answers", "unread", "piece"), [(2, 1, 16), (4, 1, 16), (3, 3, 32), (2, 3, 48), (1, 9, 63)]
)
def test_pieces_are_small_beside_running_answers_and_larger_where_many_wait(
    folder: Path, answers: int, unread: int, piece: int
) -> None:
    runner = loaded(folder)
    for number in range(answers):
        runner.add(job(f"old {number}", prompt=(number, 1, 2)))
    runner.step()
    computed = watch(runner)
    for number in range(unread):
        runner.add(job(f"new {number}", prompt=tuple(range(100 + number, 150)), max_tokens=1))
    runner.step()
    assert computed == [answers + piece]


@pytest.mark.parametrize(("tenants", "shared"), [(("a", "a"), True), (("a", "b"), False), (("", "b"), False)])
def test_tenants_share_nothing_where_they_are_kept_apart(
    folder: Path, tenants: tuple[str, str], *, shared: bool
) -> None:
    runner = loaded(folder, share_prefixes=False)
    computed = watch(runner)
    answers = [tokens_of(runner, job(tenant, tenant=tenant)) for tenant in tenants]
    assert answers[0] == answers[1]
    reads = [count for count in computed if count > 1]
    assert reads == ([40, 4] if shared else [40, 40])


def test_tenants_share_where_they_may(folder: Path) -> None:
    runner = loaded(folder)
    computed = watch(runner)
    for tenant in ("a", "b"):
        tokens_of(runner, job(tenant, tenant=tenant))
    assert [count for count in computed if count > 1] == [40, 4]


@pytest.mark.parametrize(
    "sampling",
    [
        {},
        {"temperature": 1.5, "seed": 8},
        {"temperature": 1.5, "seed": 8, "top_p": 0.8, "frequency_penalty": 1, "repetition_penalty": 1.4},
        {"logit_bias": {5: -3.5}, "presence_penalty": 1.9},
    ],
)
def test_an_answer_cut_anywhere_goes_on_as_if_it_had_not_been(folder: Path, sampling: dict[str, Any]) -> None:
    """In another process, with nothing of the first one's cache; also sampled."""
    whole = tokens_of(loaded(folder), job(**sampling))
    assert len(whole) == NEW_TOKENS
    runner = loaded(folder)
    for cut in range(1, NEW_TOKENS):
        begun = whole[:cut]
        assert tokens_of(runner, job(str(cut), generated=begun, **sampling)) == whole[cut:]


def test_a_seed_gives_the_same_tokens_whatever_runs_beside_it(folder: Path) -> None:
    alone = tokens_of(loaded(folder), job(temperature=1, seed=5))
    runner = loaded(folder)
    for number in range(6):
        runner.add(job(str(number), prompt=PROMPT[number:], temperature=1, seed=number))
    runner.step()
    runner.add(job("one", temperature=1, seed=5))
    told = [step for step in steps_of(runner) if step.request_id == "one"]
    assert tuple(token for step in told for token in step.token_ids) == alone


def test_a_model_without_numbers_ends_the_request_and_no_other(folder: Path) -> None:
    runner = loaded(folder)
    runner.add(job("well"))
    runner.step()
    runner.add(job("ill", prompt=(120,)))
    model: Any = runner._model
    embedding = model.get_input_embeddings()
    embedding.weight.data[120] = math.nan  # a token that the other never writes
    told = {step.request_id: step for step in steps_of(runner)}
    assert isinstance(told["ill"].error, EngineUnavailable)
    assert (told["well"].error, told["well"].finish_reason) == (None, FinishReason.LENGTH)


def test_a_bias_on_a_token_that_is_not_there_names_its_field(folder: Path) -> None:
    runner = loaded(folder)
    with pytest.raises(InvalidInput, match=f"numbered 0 to {VOCABULARY - 1}") as caught:
        runner.add(job(logit_bias={VOCABULARY: 1}))
    assert caught.value.field == "logit_bias"
    assert not runner.busy
