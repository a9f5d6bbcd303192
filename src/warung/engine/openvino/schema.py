"""Which JSON schemas XGrammar enforces; knows no library.

XGrammar passes over what it can't enforce without a word, and lets wrong answers through for some of what it
claims to: a bound without its counterpart, a dot in a number with bounds, a quote that a pattern matches. So
a schema is let through only in the forms that held when tried, some of them written anew. A form written anew
may be narrower than what was asked for, never wider.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_SILENT = {
    "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
    "$schema", "$id", "$comment",
}  # fmt: skip
_DEFINITIONS = {"$defs", "definitions"}
_OF_TYPE = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "pattern"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "number": set[str](),
    "boolean": set[str](),
    "null": set[str](),
}
_ALONE = ("$ref", "anyOf", "enum", "const")  # what stands beside them is passed over
_FAR = 10**15 - 1  # an integer with one bound gets this for the other
_MOST_REPETITIONS = 2000
_UNQUOTED = re.compile(r'["\\\x00-\x1f]')
_POINTER = re.compile(r"#(/(\$defs|definitions|properties)/[^/~%]+)*")
# Any character of a JSON string; not as \u, of which a character may take two.
_CHARACTER = r"([ !#-\[\]-" + chr(0xD7FF) + chr(0xE000) + "-" + chr(0x10FFFF) + r']|\\["\\/bfnrt])'
# Patterns whose matches can stand in a JSON string as they are.
_ESCAPE = r"\\[dw.*+?^$|(){}\[\]/-]"
_SET = rf"\[(?:{_ESCAPE}|0-9|[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|[\w .,:;/@+_=#%&!?'-])+\]"
_SAFE_PATTERN = re.compile(rf"\^?((?:{_ESCAPE}|{_SET}|[^\\^$\[\].\"\x00-\x1f])*)\$?")
_ANY_ESCAPE = r"\\(?:[dDwWsSnrtfv]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^\w\s])"
_ANCHORED = re.compile(rf"\^?(?:{_ANY_ESCAPE}|\[\^?(?:{_ANY_ESCAPE}|[^\\\]])+\]|[^\\^$\[\]])*\$?")


class NotEnforced(Exception):
    """Names the part of a schema or pattern that would not be enforced."""


def enforceable(schema: Any) -> Any:
    """A schema that XGrammar enforces and whose every answer `schema` accepts too. Raises NotEnforced."""
    _require_grounded(schema)
    return _written(schema)


def require_enforceable(pattern: str) -> None:
    """Raises NotEnforced for a pattern with anchors or escapes that XGrammar takes for something else."""
    if not _ANCHORED.fullmatch(pattern):
        raise NotEnforced("an anchor within the pattern, or an escape other than of a character or a class")


def _written(schema: Any) -> Any:
    if schema is True:
        return schema
    if not isinstance(schema, Mapping):
        raise NotEnforced(f"{schema!r} as a schema")
    shape = {keyword: value for keyword, value in schema.items() if keyword not in _SILENT | _DEFINITIONS}
    alone = next((keyword for keyword in _ALONE if keyword in shape), None)
    written = _alone(alone, shape) if alone else _typed(shape)
    for keyword in _DEFINITIONS & schema.keys():
        written[keyword] = {name: _written(part) for name, part in schema[keyword].items()}
    return written


def _alone(keyword: str, shape: Mapping[str, Any]) -> dict[str, Any]:
    """A shape of one keyword; a type may stand beside values that all have it."""
    value = shape[keyword]
    values = {"enum": value, "const": [value]}.get(keyword)
    others = shape.keys() - {keyword}
    if values and "type" in others and all(_has_type(one, shape["type"]) for one in values):
        others = others - {"type"}
    if others:
        raise NotEnforced(f"{min(others)!r} beside {keyword!r}")
    if keyword == "anyOf":
        value = [_written(part) for part in value]
    if values and not all(_is_exact(one) for one in values):
        raise NotEnforced(f"{keyword!r} with numbers beyond 64 bits")
    return {keyword: value}


def _typed(shape: Mapping[str, Any]) -> dict[str, Any]:
    kind = shape.get("type")
    kinds: list[Any] = kind if isinstance(kind, list) else [kind]
    if "type" in shape and (not kinds or not all(one in _OF_TYPE for one in kinds)):
        raise NotEnforced(f"'type' {kind!r}")
    known = _OF_TYPE[kind] if isinstance(kind, str) else set[str]()
    for keyword in shape.keys() - known - {"type"}:
        owners = [owner for owner, keywords in _OF_TYPE.items() if keyword in keywords]
        raise NotEnforced(f"{keyword!r}" + (f' without "type": "{owners[0]}"' if owners else ""))
    match kind:
        case "object":
            return _object(shape)
        case "array":
            return _array(shape)
        case "string":
            return _string(shape)
        case "integer":
            return _integer(shape)
        case _:
            return dict(shape)


def _object(shape: Mapping[str, Any]) -> dict[str, Any]:
    properties, required = shape.get("properties", {}), shape.get("required", [])
    others = shape.get("additionalProperties", True)
    if strange := [name for name in properties if _UNQUOTED.search(name)]:
        raise NotEnforced(f"a property named {strange[0]!r}")
    if unknown := [name for name in required if name not in properties]:
        raise NotEnforced(f"'required' {unknown[0]!r}, which 'properties' doesn't describe")
    if properties and not isinstance(others, bool):
        raise NotEnforced("'additionalProperties' beside 'properties'")
    written: dict[str, Any] = {"type": "object"}
    if properties:
        written["properties"] = {name: _written(part) for name, part in properties.items()}
        return written | {"required": required, "additionalProperties": False}
    return written | {"additionalProperties": others and _written(others)}


def _array(shape: Mapping[str, Any]) -> dict[str, Any]:
    written = dict(shape)
    for keyword in {"minItems", "maxItems"} & shape.keys():
        _require_count(keyword, shape[keyword])
    if "items" in shape and shape["items"] is not False:
        written["items"] = _written(shape["items"])
    if "prefixItems" in shape:
        written["prefixItems"] = [_written(part) for part in shape["prefixItems"]]
    return written


def _string(shape: Mapping[str, Any]) -> dict[str, Any]:
    lengths = sorted(shape.keys() & {"minLength", "maxLength"})
    if "pattern" in shape:
        if lengths:
            raise NotEnforced(f"{lengths[0]!r} beside 'pattern'")
        safe = _SAFE_PATTERN.fullmatch(shape["pattern"])
        if not safe:
            raise NotEnforced(f"'pattern' {shape['pattern']!r}, which is more than characters and plain sets")
        return {"type": "string", "pattern": f"^({safe[1]})$"}
    if not lengths:
        return dict(shape)
    for keyword in lengths:
        _require_count(keyword, shape[keyword])
    bounds = f"{shape.get('minLength', 0)},{shape.get('maxLength', '')}"
    return {"type": "string", "pattern": f"^{_CHARACTER}{{{bounds}}}$"}


def _integer(shape: Mapping[str, Any]) -> dict[str, Any]:
    if shape.keys() == {"type"}:
        return dict(shape)
    bounds = {keyword: _whole(keyword, value) for keyword, value in shape.items() if keyword != "type"}
    least = max(bounds.get("minimum", -_FAR), bounds.get("exclusiveMinimum", -_FAR - 1) + 1)
    most = min(bounds.get("maximum", _FAR), bounds.get("exclusiveMaximum", _FAR + 1) - 1)
    return {"type": "integer", "minimum": max(least, -_FAR), "maximum": min(most, _FAR)}


def _whole(keyword: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise NotEnforced(f"{keyword!r} {value!r}")
    return int(value)


def _require_count(keyword: str, value: Any) -> None:
    if not 0 <= _whole(keyword, value) <= _MOST_REPETITIONS:
        raise NotEnforced(f"{keyword!r} beyond {_MOST_REPETITIONS}")


def _has_type(value: Any, kinds: Any) -> bool:
    of = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}
    names = {of.get(type(value), "null")}
    if names == {"integer"}:
        names.add("number")
    return bool(names.intersection(kinds if isinstance(kinds, list) else [kinds]))


def _is_exact(value: Any) -> bool:
    match value:
        case int():
            return -(2**63) <= value < 2**63
        case list():
            return all(map(_is_exact, value))
        case dict():
            return all(map(_is_exact, value.values()))
        case _:
            return True


def _require_grounded(root: Any) -> None:
    """Raises NotEnforced for a reference to no schema, or one that leads back to itself before any value has
    begun: such a one lets anything through."""
    grounded = set[str]()

    def follow(schema: Any, passed: tuple[str, ...]) -> None:
        if not isinstance(schema, Mapping):
            return
        pointer = schema.get("$ref")
        if pointer in passed:
            raise NotEnforced(f"'$ref' {pointer!r}, which leads back to itself")
        if isinstance(pointer, str) and pointer not in grounded:
            follow(_target(root, pointer), (*passed, pointer))
            grounded.add(pointer)
        for part in schema.get("anyOf", ()):
            follow(part, passed)

    for schema in _schemas(root):
        follow(schema, ())


def _schemas(schema: Any) -> Iterable[Mapping[str, Any]]:
    """This schema and all within it."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    for keyword in ("properties", "$defs", "definitions"):
        for part in schema.get(keyword, {}).values():
            yield from _schemas(part)
    for keyword in ("anyOf", "prefixItems"):
        for part in schema.get(keyword, ()):
            yield from _schemas(part)
    for keyword in ("items", "additionalProperties"):
        yield from _schemas(schema.get(keyword))


def _target(root: Any, pointer: str) -> Any:
    found = root
    for part in pointer.split("/")[1:]:
        found = found.get(part) if isinstance(found, Mapping) else None
    if not _POINTER.fullmatch(pointer) or not isinstance(found, Mapping | bool):
        raise NotEnforced(
            f"'$ref' {pointer!r}, which names no schema under '$defs', 'definitions' or 'properties'"
        )
    return found
