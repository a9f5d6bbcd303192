"""JSON schemas to try an engine's grammars with, and what accepts their answers."""

import json
import uuid
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, Literal

from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import BaseModel, Field

_FORMATS = FormatChecker(("date", "email", "ipv4", "uuid"))


@_FORMATS.checks("date-time", ValueError)
def _is_date_time(text: object) -> bool:
    return datetime.fromisoformat(str(text)).tzinfo is not None


def accepts(schema: Any, text: str) -> bool:
    """Whether the text is JSON that the schema accepts, formats included."""
    validator: Any = Draft202012Validator(schema, format_checker=_FORMATS)
    return validator.is_valid(json.loads(text))


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = Field(ge=0, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str = Field(min_length=1, max_length=8)


class Person(BaseModel):
    """Whoever sells."""

    age: int = Field(gt=16, description="in years")
    nickname: str | None = None
    friends: list["Person"] = Field(default_factory=list["Person"], max_length=1)


class Order(BaseModel):
    """Fields as people write them, one of each kind."""

    id: uuid.UUID
    day: date
    at: datetime
    size: Literal["S", "M", 3]
    colour: Colour = Colour.RED
    price: float = Field(ge=0, lt=1000)
    share: Annotated[float, Field(ge=0, le=1)]
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}-\d{3}$")]
    lines: list[str] = Field(min_length=1, max_length=2)
    place: tuple[float, float]
    counts: dict[str, int]
    seller: Person
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    paid: bool


LEAVES: list[Any] = [
    {},
    {"type": "string"},
    {"type": "string", "maxLength": 4},
    {"type": "string", "minLength": 3},
    {"minLength": 2, "maxLength": 2},
    {"type": "string", "pattern": r'^"[\\"/\n]+([^a-z]|é|[ᄀ-힣😀]{2,3})?x*$'},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "email"},
    {"type": "string", "format": "ipv4"},
    {"type": "integer"},
    {"type": "number"},
    {"type": "number", "exclusiveMinimum": 0, "maximum": 0.125},
    {"type": "number", "minimum": -1.5},
    {"type": ["string", "null"], "maxLength": 3},
    {"type": ["integer", "null"], "enum": [1, None]},
    {"type": "string", "enum": ['a"b', "\\", "\n", "é", 5]},
    {"const": {"a": [1, 2.5, None]}},
    {"type": "boolean", "title": "T", "default": False, "description": "D"},
    {"oneOf": [{"type": "boolean"}, {"type": "array", "items": {"const": 1}, "maxItems": 2}]},
]
_NAMES = st.sampled_from(["a", "b", 'c"\\\n', "é", ""])


@st.composite
def _integers(draw: st.DrawFn) -> Any:
    least = draw(st.integers(-1100, 1100))
    bounds = {"minimum": least, "maximum": least + draw(st.integers(0, 1100))}
    return {
        "type": "integer",
        **{name: bounds[name] for name in draw(st.sets(st.sampled_from(sorted(bounds))))},
    }


@st.composite
def _arrays(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> Any:
    heads = draw(st.lists(inner, max_size=2))
    least = draw(st.integers(0, 2))
    array: dict[str, Any] = {"type": "array", "minItems": least, "maxItems": least + draw(st.integers(0, 2))}
    if heads:
        array["prefixItems"] = heads
    return {**array, "items": draw(inner)} if draw(st.booleans()) else array


@st.composite
def _objects(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> Any:
    properties = draw(st.dictionaries(_NAMES, inner, max_size=4))
    if not properties:
        return {"type": "object", "additionalProperties": draw(inner)}
    required = [name for name in properties if draw(st.booleans())]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    either = st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"anyOf": parts})
    return st.one_of(_arrays(inner), _objects(inner), either)


SCHEMAS = st.recursive(st.one_of(st.sampled_from(LEAVES), _integers()), _nested, max_leaves=6)
