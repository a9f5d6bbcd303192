"""JSON merge patches (RFC 7396); knows no resource."""

from typing import Any, cast


def merge_patch(target: object, patch: object) -> Any:
    """`target` with `patch` applied, both JSON values as Python holds them; neither is changed."""
    if not isinstance(patch, dict):
        return patch
    merged: dict[str, Any] = dict(cast("dict[str, Any]", target)) if isinstance(target, dict) else {}
    for name, value in cast("dict[str, Any]", patch).items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
