"""JSON schemas as grammars in XGrammar's notation; knows no library.

XGrammar's own reading of schemas passes over what it can't enforce without a word, and lets wrong answers
through for some of what it claims to. So the grammar is written here: every answer that it lets through is
accepted by the schema, and what can't be written is refused. It may be narrower than the schema: a described
object has no further properties, numbers have at most 15 digits, and white space stands only after commas and
colons, since a small model may write blanks for ever.
"""

import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from typing import Any

from warung.engine.openvino.characters import EVERY, literal, one_in_json
from warung.engine.openvino.formats import FORMATS
from warung.engine.openvino.numbers import FAR, INTEGER, NUMBER, integer_between, number_between
from warung.engine.openvino.pattern import NotEnforced, expression, repeated
from warung.engine.openvino.shapes import exclusive, resolved, shape_of, typed, values_of

_COMMON = f"""
text ::= "\\"" character* "\\""
character ::= {one_in_json(EVERY)}
integer ::= {INTEGER}
number ::= {NUMBER}
boolean ::= "true" | "false"
any ::= text | number | boolean | "null" | array | map
array ::= "[" (any (", " any)*)? "]"
map ::= "{{" (pair (", " pair)*)? "}}"
pair ::= text ": " any
"""
_PLAIN = {
    "object": "map", "array": "array", "string": "text", "integer": "integer", "number": "number",
    "boolean": "boolean", "null": '"null"',
}  # fmt: skip


def grammar(schema: Any) -> str:
    """Raises NotEnforced for what the grammar could not hold the answer to."""
    try:
        return _Writer(schema).written()
    except RecursionError as error:
        raise NotEnforced("schemas so deep within each other") from error


class _Writer:
    """Writes one grammar: a rule for each schema that another refers to, and for each property."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._rules: list[str] = []
        self._referred: dict[str, str] = {}
        self._within: str | None = None  # the reference whose value hasn't begun yet
        self._leads: dict[str, set[str]] = {}  # from a reference to those that its value may begin with

    def written(self) -> str:
        whole = self._schema(self._root)
        try:
            TopologicalSorter(self._leads).prepare()
        except CycleError as error:
            raise NotEnforced(f"'$ref' {error.args[1][0]!r}, which leads back to itself") from error
        return "\n".join([f"root ::= {whole}", *self._rules]) + _COMMON

    def _rule(self, body: str) -> str:
        name = f"rule{len(self._rules)}"
        self._rules.append(f"{name} ::= {body}")
        return name

    def _schema(self, schema: Any) -> str:
        shape = shape_of(schema)
        if "$ref" in shape:
            return self._reference(shape["$ref"])
        for keyword in ("anyOf", "oneOf", "allOf"):
            if keyword in shape:
                return self._combined(keyword, shape)
        if "enum" in shape or "const" in shape:
            return self._values(shape)
        kinds = typed(shape)
        return self._either([self._kind(kind, part) for kind, part in kinds]) if kinds else "any"

    def _inner(self, schema: Any) -> str:
        """A schema within a value that has begun: references may lead back from here."""
        within, self._within = self._within, None
        written = self._schema(schema)
        self._within = within
        return written

    def _either(self, parts: Sequence[str]) -> str:
        return parts[0] if len(parts) == 1 else f"({' | '.join(parts)})"

    def _reference(self, pointer: Any) -> str:
        target = resolved(self._root, pointer)
        if self._within is not None:
            self._leads.setdefault(self._within, set()).add(pointer)
        if pointer not in self._referred:
            number = len(self._rules)
            self._referred[pointer] = name = self._rule("")
            within, self._within = self._within, pointer
            self._rules[number] = f"{name} ::= {self._schema(target)}"
            self._within = within
        return self._referred[pointer]

    def _combined(self, keyword: str, shape: Mapping[str, Any]) -> str:
        if others := shape.keys() - {keyword, "discriminator"}:
            raise NotEnforced(f"{min(others)!r} beside {keyword!r}")
        parts: list[Any] = shape[keyword]
        if not parts:
            raise NotEnforced(f"{keyword!r} of no schemas")
        if keyword == "oneOf":
            parts = exclusive(self._root, parts, shape.get("discriminator"))
        if keyword == "allOf" and len(parts) > 1:
            raise NotEnforced("'allOf' of several schemas")
        return self._either([self._schema(part) for part in parts])

    def _values(self, shape: Mapping[str, Any]) -> str:
        return self._either([literal(_json(value)) for value in values_of(shape)])

    def _kind(self, kind: str, shape: Mapping[str, Any]) -> str:
        if not shape:
            return _PLAIN[kind]
        match kind:
            case "object":
                return self._object(shape)
            case "array":
                return self._array(shape)
            case "string":
                return self._string(shape)
            case "integer" | "number":
                return _number(kind, shape)
            case _:
                return _PLAIN[kind]

    def _object(self, shape: Mapping[str, Any]) -> str:
        properties, required = shape.get("properties", {}), shape.get("required", [])
        others = shape.get("additionalProperties", True)
        if unknown := [name for name in required if name not in properties]:
            raise NotEnforced(f"'required' {unknown[0]!r}, which 'properties' doesn't describe")
        if (
            not properties
            and ("additionalProperties" in shape or "properties" not in shape)
            and others is not False
        ):
            return self._map(others)
        if not isinstance(others, bool):
            raise NotEnforced("'additionalProperties' beside 'properties'")
        return f'"{{" {self._members(properties, set(required))} "}}"'

    def _map(self, values: Any) -> str:
        pair = f'text ": " {self._inner(values)}'
        return f'"{{" ({pair} (", " {pair})*)? "}}"'

    def _members(self, properties: Mapping[str, Any], required: set[str]) -> str:
        """In their order. A rule each for what may follow when a member stands before, and when none does."""
        after = first = '""'
        for name, schema in reversed([*properties.items()]):
            member = self._rule(f"{literal(_json(name) + ': ')} {self._inner(schema)}")
            begun, alone = f'", " {member} {after}', f"{member} {after}"
            if name in required:
                after, first = self._rule(begun), self._rule(alone)
            else:
                after, first = self._rule(f"({begun}) | {after}"), self._rule(f"({alone}) | {first}")
        return first

    def _array(self, shape: Mapping[str, Any]) -> str:
        if shape.get("uniqueItems"):
            raise NotEnforced("'uniqueItems'")
        least, most = _counts(shape, "minItems", "maxItems")
        items: Any = shape.get("items", True)
        heads: list[Any] = shape.get("prefixItems", [])
        closed = items is False or bool(heads and "items" not in shape and least <= len(heads))
        if closed:
            most = min(len(heads), len(heads) if most is None else most)
        begin = [self._inner(head) for head in heads[:most]]
        rest_least, rest_most = max(0, least - len(begin)), None if most is None else most - len(begin)
        if rest_most is not None and rest_most < rest_least:
            raise NotEnforced(f"an array of at least {least} and at most {most} items")
        rest = "" if rest_most == 0 else self._rule(self._inner(items))
        return _listed(begin, rest, rest_least, rest_most)

    def _string(self, shape: Mapping[str, Any]) -> str:
        sources = sorted(shape.keys() & {"pattern", "format"})
        if len(sources) == 2 or (sources and len(shape) > 1):
            raise NotEnforced(f"{min(shape.keys() - sources[:1])!r} beside {sources[0]!r}")
        if sources:
            value = shape[sources[0]]
            pattern = FORMATS.get(str(value)) if sources == ["format"] else value
            if not isinstance(pattern, str):
                raise NotEnforced(f"{sources[0]!r} {value!r}")
            return f'"\\"" {expression(pattern, one_in_json, self._rule)} "\\""'
        return f'"\\"" {repeated("character", *_counts(shape, "minLength", "maxLength"))} "\\""'


def _listed(begin: Sequence[str], rest: str, least: int, most: int | None) -> str:
    """A JSON array of `begin` and then `rest`, so many times."""
    head = ' ", " '.join(begin)
    if not rest:
        return f'"[" {head} "]"' if head else '"[]"'
    if head:
        return f'"[" {head} {repeated(f"""(", " {rest})""", least, most)} "]"'
    more = repeated(f'(", " {rest})', max(0, least - 1), None if most is None else most - 1)
    return f'"[" {rest} {more} "]"' if least else f'"[" ({rest} {more})? "]"'


def _number(kind: str, shape: Mapping[str, Any]) -> str:
    for keyword, value in shape.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise NotEnforced(f"{keyword!r} {value!r}")
    least, above = _bound(shape, "minimum", "exclusiveMinimum", max)
    most, below = _bound(shape, "maximum", "exclusiveMaximum", min)
    if kind == "number":
        written = number_between(least, most, above=above, below=below)
    else:
        low = -FAR if least is None else math.floor(least) + 1 if above else math.ceil(least)
        high = FAR if most is None else math.ceil(most) - 1 if below else math.floor(most)
        written = integer_between(low, high)
    if written is None:
        raise NotEnforced(f"{min(shape)!r} {shape[min(shape)]!r}: no {kind} of at most 15 digits fits")
    return written


def _bound(shape: Mapping[str, Any], closed: str, excluded: str, nearer: Any) -> tuple[Decimal | None, bool]:
    """The narrower of the two bounds, and whether it is itself left out."""
    bounds = {keyword: Decimal(str(shape[keyword])) for keyword in (closed, excluded) if keyword in shape}
    if not bounds:
        return None, False
    bound = nearer(bounds.values())
    return bound, bounds.get(excluded) == bound


def _counts(shape: Mapping[str, Any], least: str, most: str) -> tuple[int, int | None]:
    for keyword in {least, most} & shape.keys():
        value = shape[keyword]
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise NotEnforced(f"{keyword!r} {value!r}")
    return shape.get(least, 0), shape.get(most)


def _json(value: Any) -> str:
    """As JSON text; half a surrogate pair, which no model can write, stays an escape."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() and _is_utf8(text) else json.dumps(value)


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)
