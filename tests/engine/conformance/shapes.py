"""What every engine must do where an answer must have a shape."""

import asyncio
import json
import re

import pytest

from engine.conformance.subject import STORY, Subject, answer, ask, texts
from warung.engine.constraint import (
    TOOL_CALL_BEGIN,
    TOOL_CALL_END,
    Constraint,
    JsonSchema,
    Regex,
    Tool,
    ToolCalls,
)
from warung.engine.features import Feature
from warung.engine.request import FinishReason
from warung.errors import InvalidInput

AGES = [3, 12]
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"enum": AGES}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
)
CITY = json.dumps(
    {
        "type": "object",
        "properties": {"city": {"enum": ["Bogor", "Jakarta"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
)
EMPTY = json.dumps({"type": "object", "properties": {}, "additionalProperties": False})
TOOLS = (Tool("weather", CITY, "How warm it is in a city."), Tool("now", EMPTY, "The time."))
ARGUMENTS: dict[str, list[dict[str, str]]] = {
    "weather": [{"city": "Bogor"}, {"city": "Jakarta"}],
    "now": [{}],
}


class ShapeConformance:
    async def test_json_of_a_schema(self, subject: Subject) -> None:
        subject.requires(Feature.JSON)
        told = await answer(subject.engine, ask("Describe a cat as JSON.", 60, constraint=JsonSchema(SCHEMA)))
        cat = json.loads(told.text)
        assert set(cat) == {"name", "age"}
        assert (type(cat["name"]), cat["age"] in AGES) == (str, True)
        assert told.finish_reason is FinishReason.STOP

    async def test_any_json_object(self, subject: Subject) -> None:
        subject.requires(Feature.JSON)
        constraint = JsonSchema('{"type": "object"}')
        told = await answer(subject.engine, ask("Describe a cat as JSON.", 60, constraint=constraint))
        assert told.text.startswith("{")
        assert told.finish_reason is FinishReason.LENGTH or isinstance(json.loads(told.text), dict)

    async def test_text_of_a_pattern(self, subject: Subject) -> None:
        subject.requires(Feature.REGEX)
        told = await answer(
            subject.engine, ask("Describe a cat.", 40, constraint=Regex("[A-Z][a-z]{2,8}: [0-9]{3}"))
        )
        assert re.fullmatch("[A-Z][a-z]{2,8}: [0-9]{3}", told.text)
        assert told.finish_reason is FinishReason.STOP

    async def test_free_text_beside_json(self, subject: Subject) -> None:
        subject.requires(Feature.JSON)
        alone = (await answer(subject.engine, ask(STORY))).text
        shaped = ask("Describe a cat as JSON.", 40, constraint=JsonSchema(SCHEMA))
        told = await texts(subject.engine, [ask(STORY), shaped])
        assert told[0] == alone
        assert told[1].startswith("{")

    @pytest.mark.parametrize("several", [False, True])
    async def test_a_required_tool_call(self, subject: Subject, *, several: bool) -> None:
        subject.requires(Feature.TOOLS)
        shape = ToolCalls(TOOLS, required=True, several=several)
        told = await answer(
            subject.engine, ask("How warm is it in Bogor?", 90, tools=TOOLS, constraint=shape)
        )
        calls = told.text.split(TOOL_CALL_BEGIN)
        assert not calls[0].strip()
        assert len(calls) > 1
        assert several or len(calls) == 2
        first, ended, _ = calls[1].partition(TOOL_CALL_END)
        assert ended
        called = json.loads(first)
        assert called["arguments"] in ARGUMENTS[called["name"]]

    async def test_tools_that_need_not_be_called(self, subject: Subject) -> None:
        subject.requires(Feature.TOOLS)
        told = await answer(subject.engine, ask("Say hello.", 12, tools=TOOLS, constraint=ToolCalls(TOOLS)))
        assert told.text.strip()

    @pytest.mark.parametrize("wrong", [JsonSchema('{"type": "objct"}'), JsonSchema("nope"), Regex("([")])
    async def test_a_wrong_shape_is_refused_and_harms_nobody(
        self, subject: Subject, wrong: Constraint
    ) -> None:
        subject.requires(Feature.JSON, Feature.REGEX)
        alone = (await answer(subject.engine, ask(STORY))).text
        neighbour = asyncio.create_task(answer(subject.engine, ask(STORY)))
        await asyncio.sleep(0)
        with pytest.raises(InvalidInput) as caught:
            await answer(subject.engine, ask("Describe a cat.", constraint=wrong))
        assert caught.value.field in {"response_format", "structured_outputs"}
        assert (await neighbour).text == alone
        assert (await answer(subject.engine, ask(STORY))).text == alone
