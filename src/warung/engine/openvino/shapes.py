"""What a JSON schema says, made plain before it is written: keywords, types, values, references."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, cast
from urllib.parse import unquote

from warung.engine.openvino.pattern import NotEnforced

_SILENT = {
    "title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly",
    "$schema", "$id", "$comment", "$defs", "definitions",
}  # fmt: skip
_BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
KEYWORDS = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems"},
    "string": {"minLength", "maxLength", "pattern", "format"},
    "integer": _BOUNDS,
    "number": _BOUNDS,
    "boolean": set[str](),
    "null": set[str](),
}
_FORMS: Mapping[str, Any] = {
    "type": (str, list), "properties": Mapping, "discriminator": Mapping,
    "required": list, "enum": list, "anyOf": list, "oneOf": list, "allOf": list, "prefixItems": list,
}  # fmt: skip
_JSON_TYPES: Mapping[type, str] = {
    str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array",
}  # fmt: skip


def shape_of(schema: Any) -> dict[str, Any]:
    """The keywords that say something about the value. Raises NotEnforced for what is no schema."""
    if schema is True:
        return {}
    if not isinstance(schema, Mapping):
        raise NotEnforced(f"{schema!r} as a schema")
    keywords = cast("Mapping[str, Any]", schema)
    shape = {keyword: value for keyword, value in keywords.items() if keyword not in _SILENT}
    for keyword in {"$ref", "enum", "const"} & shape.keys():
        if others := shape.keys() - ({keyword} if keyword == "$ref" else {"enum", "const", "type"}):
            raise NotEnforced(f"{min(others)!r} beside {keyword!r}")
    _require_well_formed(shape)
    return shape


def _require_well_formed(shape: Mapping[str, Any]) -> None:
    for keyword, value in shape.items():
        if not isinstance(value, _FORMS.get(keyword, object)):
            raise NotEnforced(f"{keyword!r} {value!r}")
    if not all(isinstance(name, str) for name in shape.get("required", ())):
        raise NotEnforced(f"'required' {shape['required']!r}")
    if {"enum", "const"} <= shape.keys():
        raise NotEnforced("'enum' beside 'const'")
    if not _types(shape) or not _types(shape) <= KEYWORDS.keys():
        raise NotEnforced(f"'type' {shape['type']!r}")


def _types(shape: Mapping[str, Any]) -> set[str]:
    """Those that `type` names; without it, all."""
    kinds: Any = shape.get("type", list(KEYWORDS))
    return {kinds} if isinstance(kinds, str) else {str(kind) for kind in kinds}


def typed(shape: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Each type that the value may have, with the keywords that bind it. Without a type the keywords tell it;
    without either the list is empty."""
    given = shape.keys() - {"type"}
    kinds = sorted(_types(shape))
    if "type" not in shape:
        kinds = [kind for kind in KEYWORDS if kind != "integer" and KEYWORDS[kind] & given]
    if strange := sorted(given - set[str]().union(*(KEYWORDS[kind] for kind in kinds))):
        owners = [kind for kind in KEYWORDS if strange[0] in KEYWORDS[kind]]
        raise NotEnforced(f"{strange[0]!r}" + (f' without "type": "{owners[0]}"' if owners else ""))
    return [(kind, {keyword: shape[keyword] for keyword in KEYWORDS[kind] & given}) for kind in kinds]


def values_of(shape: Mapping[str, Any]) -> list[Any]:
    """The values of `enum` or `const` that have the type given beside them."""
    values = shape.get("enum", [shape.get("const")])
    fitting = [value for value in values if _has_type(value, _types(shape))]
    if not fitting:
        raise NotEnforced("'enum' or 'const' without a value of its type")
    return fitting


def exclusive(root: Any, parts: Sequence[Any], discriminator: Mapping[str, Any] | None) -> list[Any]:
    """The parts of `oneOf`, of which no value can fit two. A discriminator's property becomes required."""
    name = (discriminator or {}).get("propertyName")
    plain = [_followed(root, part) for part in parts]
    if isinstance(name, str):
        plain = [{**part, "required": [*part.get("required", ()), name]} for part in plain]
    if not all(_apart(one, other) for one, other in combinations(plain, 2)):
        raise NotEnforced("'oneOf' of schemas that one value may fit both")
    return plain if name else list(parts)


def _followed(root: Any, schema: Any) -> dict[str, Any]:
    passed = set[str]()
    while pointer := (shape := shape_of(schema)).get("$ref"):
        if pointer in passed:
            raise NotEnforced(f"'$ref' {pointer!r}, which leads back to itself")
        schema = resolved(root, pointer)
        passed.add(pointer)
    return shape


def _apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two shapes plainly have no value in common; for objects a required property may tell."""
    if not {*_kinds(one)} & {*_kinds(other)}:
        return True
    if _closed(one) and _closed(other):
        return not any(value == another for value in values_of(one) for another in values_of(other))
    if _kinds(one) != ["object"] or _kinds(other) != ["object"]:
        return False
    properties, others = one.get("properties", {}), other.get("properties", {})
    shared = {*one.get("required", ())} & {*other.get("required", ())} & {*properties} & {*others}
    told = [name for name in shared if _closed(properties[name]) and _closed(others[name])]
    return any(_apart(properties[name], others[name]) for name in told)


def _closed(schema: Any) -> bool:
    return isinstance(schema, Mapping) and bool({"enum", "const"} & schema.keys())


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    """The types that a value may have; a number may be an integer."""
    names = {_type_of(value) for value in values_of(schema)} if _closed(schema) else _types(schema)
    return sorted({"number" if name == "integer" else name for name in names})


def _type_of(value: Any) -> str:
    return next((name for of, name in _JSON_TYPES.items() if isinstance(value, of)), "null")


def _has_type(value: Any, kinds: set[str]) -> bool:
    name = _type_of(value)
    return name in kinds or (name == "integer" and "number" in kinds)


def resolved(root: Any, pointer: Any) -> Any:
    """What a reference within the schema points at (RFC 6901)."""
    found: Any = root
    if not isinstance(pointer, str) or not (pointer == "#" or pointer.startswith("#/")):
        raise NotEnforced(f"'$ref' {pointer!r}, which isn't of the form '#/$defs/name'")
    for part in pointer.split("/")[1:]:
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        found = cast("Mapping[str, Any]", found).get(name) if isinstance(found, Mapping) else None
    if found is None:
        raise NotEnforced(f"'$ref' {pointer!r}, which names no schema")
    return found
