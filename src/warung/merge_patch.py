"""JSON merge patches (RFC 7396); knows no resource."""

from typing import Any, cast

from warung.errors import InvalidInput


def merge_patch(target: object, patch: object) -> Any:
    """`target` with `patch` applied, both JSON values as Python holds them; neither is changed.

    Raises InvalidInput for a patch whose nesting leaves no room on the stack.
    """
    try:
        return _merged(target, patch)
    except RecursionError:
        raise InvalidInput("the patch is nested too deeply", field="body") from None


def _merged(target: object, patch: object) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged: dict[str, Any] = dict(cast("dict[str, Any]", target)) if isinstance(target, dict) else {}
    for name, value in cast("dict[str, Any]", patch).items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
