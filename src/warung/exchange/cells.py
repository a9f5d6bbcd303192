"""The cells of a CSV file: lists inside one, and formulas that a spreadsheet must not run; knows no product.

Formulas: OWASP, "CSV Injection". A cell that begins like one gets an apostrophe before it, which is taken off
when it is read; where an apostrophe stood there already, there are two.
"""

import re
from collections.abc import Iterable

_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_QUOTED_FORMULA = re.compile(r"'+[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_ITEM = re.compile(r"(?:\\[\\|]|[^|])*")
_ESCAPED = re.compile(r"\\([\\|])")


def quoted(text: str) -> str:
    """`text` as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unquoted(cell: str) -> str:
    return cell[1:] if _QUOTED_FORMULA.match(cell) else cell


def joined(items: Iterable[str]) -> str:
    r"""Items with | between them; their own | and \ have a \ before them."""
    return "|".join(item.replace("\\", "\\\\").replace("|", "\\|") for item in items)


def split(cell: str) -> tuple[str, ...]:
    r"""The items of a cell; a \ before another character than | and \ is itself."""
    items: list[str] = []
    position = 0
    while position <= len(cell):
        found = _ITEM.match(cell, position)
        assert found  # noqa: S101  it matches nothing too
        items.append(_ESCAPED.sub(r"\1", found[0]).strip())
        position = found.end() + 1
    return tuple(items)
