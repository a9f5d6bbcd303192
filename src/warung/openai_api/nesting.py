"""How deep a request's JSON may be nested: what reads and writes it follows every level on the stack."""

from collections.abc import Iterable
from typing import Any, cast

MAX_LEVELS = 100


def is_too_deep(value: Any) -> bool:
    """Whether the value has more than MAX_LEVELS of objects and lists within each other."""
    level = [value]
    for _ in range(MAX_LEVELS):
        level = [part for one in level for part in _parts(one)]
    return any(isinstance(one, dict | list) for one in level)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).values()
    return cast("list[Any]", value) if isinstance(value, list) else ()
