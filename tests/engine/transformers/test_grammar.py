"""Answers that a grammar lets through fit their shape: each token is drawn among those allowed."""

import json
import random
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from openai.lib._pydantic import to_strict_json_schema
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from engine.schemas import SCHEMAS, Order, accepts
from warung.engine.constraint import (
    TOOL_CALL_BEGIN,
    TOOL_CALL_END,
    Constraint,
    JsonSchema,
    Regex,
    Tool,
    ToolCalls,
)
from warung.engine.transformers.grammar import Grammars
from warung.errors import InvalidInput

LOGITS = 260  # more than there are tokens, as in many models
CITY = Tool("weather", '{"properties": {"city": {"enum": ["Bogor", "Jakarta"]}}, "required": ["city"]}')
TIME = Tool('ti"me', '{"type": "object", "properties": {}, "additionalProperties": false}')


def tokenizer_of(*added: str) -> Any:
    """Its tokens are the 256 bytes, an end, and what is added."""
    symbols = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "<end>"]
    bytes_only = Tokenizer(models.BPE({symbol: place for place, symbol in enumerate(symbols)}, []))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    special = {"eos_token": "<end>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytes_only, **special)
    tokenizer.add_tokens(list(added))
    return tokenizer


class Speaker:
    """Says whatever a constraint lets it."""

    def __init__(self, *added: str) -> None:
        self.tokenizer = tokenizer_of(*added)
        self.end: int = self.tokenizer.eos_token_id
        self.closing = [self.end, *self.tokenizer.encode('"}]', add_special_tokens=False)]
        self.grammars = Grammars(self.tokenizer, [self.end], LOGITS)

    def say(self, constraint: Constraint, seed: int, most: int = 400) -> tuple[list[int], bool]:
        """Tokens, and whether they came to their end."""
        draw = random.Random(seed)
        tokens: list[int] = []
        matcher = self.grammars.matcher(constraint)
        while not matcher.is_complete and len(tokens) < most:
            allowed = np.flatnonzero(matcher.allowed()).tolist()
            closing = [token for token in self.closing if token in allowed]
            token = draw.choice(closing if closing and draw.random() < 0.3 else allowed)
            matcher.accept(token)
            tokens.append(token)
        return tokens, matcher.is_complete

    def answers(self, constraint: Constraint, count: int = 4) -> list[str]:
        """Texts that came to their end."""
        told = [self.say(constraint, seed) for seed in range(count)]
        return [self.text(tokens) for tokens, ended in told if ended]

    def text(self, tokens: Iterable[int]) -> str:
        return self.tokenizer.decode([token for token in tokens if token != self.end])


@pytest.fixture(scope="module")
def speaker() -> Speaker:
    return Speaker()


@pytest.fixture(scope="module", params=[(), (TOOL_CALL_BEGIN, TOOL_CALL_END)], ids=["spelled", "one token"])
def caller(request: pytest.FixtureRequest) -> Speaker:
    return Speaker(*request.param)


@given(schema=SCHEMAS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_answers_are_accepted_by_the_schema(speaker: Speaker, schema: Any) -> None:
    answers = speaker.answers(JsonSchema(json.dumps(schema)))
    assert [text for text in answers if not accepts(schema, text)] == []


CLOSED = json.dumps(to_strict_json_schema(Order))


def test_the_models_of_pydantic_can_be_asked_for(speaker: Speaker) -> None:
    answers = speaker.answers(JsonSchema(CLOSED), 12)
    assert answers
    for text in answers:
        Order.model_validate_json(text)
    assert speaker.grammars.matcher(JsonSchema(json.dumps(Order.model_json_schema()))).allowed().any()


def test_what_says_nothing_is_passed_over(speaker: Speaker) -> None:
    schema = {
        "type": "array",
        "uniqueItems": False,
        "items": {"const": {"uniqueItems": False}},
        "minItems": 1,
    }
    answers = speaker.answers(JsonSchema(json.dumps(schema)), 12)
    assert answers
    assert all(accepts(schema, text) for text in answers)


@pytest.mark.parametrize("pattern", ["[A-Z][a-z]{2,8}: [0-9]{3}", "(é|漢|😀)+", "a|bc*", r"[0-9]{2}\.[^a]"])
def test_answers_match_the_pattern(speaker: Speaker, pattern: str) -> None:
    answers = speaker.answers(Regex(pattern), 8)
    assert answers
    assert all(re.fullmatch(pattern, text) for text in answers)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (JsonSchema('{"type": "objct"}'), "response_format"),
        (JsonSchema("nope"), "response_format"),
        (JsonSchema("[]"), "response_format"),
        (JsonSchema('{"type": "array", "uniqueItems": true}'), "response_format"),
        (JsonSchema('{"not": {}}'), "response_format"),
        (JsonSchema('{"type": "string", "format": "nonsense"}'), "response_format"),
        (JsonSchema('{"type": "integer", "minimum": 3, "maximum": 2}'), "response_format"),
        (JsonSchema('{"oneOf": [{"type": "integer"}, {"type": "number"}]}'), "response_format"),
        (JsonSchema('{"$ref": "https://example.org/schema"}'), "response_format"),
        (Regex("(["), "structured_outputs"),
        (Regex("(?=a)b"), "structured_outputs"),
        (ToolCalls((Tool("f", '{"properties": {"a": {"type": "objct"}}}'),)), "tools"),
    ],
)
def test_a_wrong_shape_is_refused_by_name(speaker: Speaker, wrong: Constraint, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        speaker.grammars.matcher(wrong)
    assert caught.value.field == field
    assert field in caught.value.message


def calls_in(text: str) -> list[tuple[str, Any]]:
    """The calls of an answer that holds nothing else."""
    called = [
        json.loads(part.removeprefix("\n").removeprefix(TOOL_CALL_BEGIN))
        for part in text.split(TOOL_CALL_END)
        if part
    ]
    return [(call["name"], call["arguments"]) for call in called]


def is_right(name: str, arguments: Any) -> bool:
    tool = {CITY.name: CITY, TIME.name: TIME}[name]
    return accepts(json.loads(tool.parameters), json.dumps(arguments))


@pytest.mark.parametrize("several", [False, True])
def test_required_calls_come_and_nothing_else(caller: Speaker, *, several: bool) -> None:
    closed = Tool(CITY.name, json.dumps({**json.loads(CITY.parameters), "additionalProperties": False}))
    answers = caller.answers(ToolCalls((closed, TIME), required=True, several=several), 16)
    calls = [calls_in(text) for text in answers]
    assert all(calls)
    assert all(is_right(*call) for each in calls for call in each)
    assert {name for each in calls for name, _ in each} == {CITY.name, TIME.name}
    assert (max(len(each) for each in calls) > 1) is several


def spell(caller: Speaker, text: str) -> list[int]:
    return caller.tokenizer.encode(text, add_special_tokens=False)


def fits(caller: Speaker, shape: ToolCalls, text: str) -> bool:
    """Whether an answer may be this text and end there."""
    matcher = caller.grammars.matcher(shape)
    for token in [*spell(caller, text), caller.end]:
        if not matcher.allowed()[token]:
            return False
        matcher.accept(token)
    return matcher.is_complete


ONE = f'{TOOL_CALL_BEGIN}\n{{"name": "weather", "arguments": {{"city": "Bogor"}}}}\n{TOOL_CALL_END}'


@pytest.mark.parametrize("several", [False, True])
def test_calls_that_are_not_required_may_stand_in_text(caller: Speaker, *, several: bool) -> None:
    shape = ToolCalls((CITY, TIME), several=several)
    assert fits(caller, shape, "Just text.\nAnd more.")
    assert fits(caller, shape, f"Let me see. {ONE}")
    assert fits(caller, shape, f"{ONE}\n{ONE}") is several
    assert not fits(caller, shape, ONE.replace("Bogor", "Paris"))
    assert not fits(caller, shape, ONE.replace("weather", "wether"))


def test_required_calls_leave_no_room_for_text(caller: Speaker) -> None:
    one, many = (ToolCalls((CITY, TIME), required=True, several=several) for several in (False, True))
    assert fits(caller, one, ONE)
    assert fits(caller, many, f"{ONE}\n{ONE}")
    assert not fits(caller, one, f"{ONE}\n{ONE}")
    assert not fits(caller, many, "Hello")
    assert not fits(caller, many, "")


def test_it_is_complete_when_the_end_was_accepted_and_not_before(speaker: Speaker) -> None:
    matcher = speaker.grammars.matcher(Regex("ab?"))
    states = [matcher.is_complete]
    for token in [*spell(speaker, "a"), speaker.end]:
        matcher.accept(token)
        states.append(matcher.is_complete)
    assert states == [False, False, True]


def test_a_token_that_is_not_allowed_never_makes_it_complete(speaker: Speaker) -> None:
    matcher = speaker.grammars.matcher(Regex("ab"))
    matcher.accept(speaker.end)
    assert not matcher.is_complete
    assert not matcher.allowed().any()


def test_logits_without_a_token_are_never_allowed(speaker: Speaker) -> None:
    allowed = speaker.grammars.matcher(Regex("(.|\n)*")).allowed()
    assert len(allowed) == LOGITS
    assert not allowed[257:].any()


@pytest.mark.parametrize(
    "constraint",
    [JsonSchema(CLOSED), Regex("[a-zé]{4,30}"), ToolCalls((CITY, TIME), required=True)],
    ids=["schema", "pattern", "tools"],
)
def test_it_goes_on_from_what_was_written_before(speaker: Speaker, constraint: Constraint) -> None:
    whole, _ = speaker.say(constraint, seed=5)
    steady = speaker.grammars.matcher(constraint)
    for cut, token in enumerate(whole[:120]):
        again = speaker.grammars.matcher(constraint, whole[:cut])
        assert (again.allowed() == steady.allowed()).all()
        assert again.is_complete == steady.is_complete
        steady.accept(token)


def test_what_does_not_fit_is_not_gone_on_from(speaker: Speaker) -> None:
    with pytest.raises(InvalidInput) as caught:
        speaker.grammars.matcher(Regex("ab"), spell(speaker, "x"))
    assert caught.value.field == "generated"
