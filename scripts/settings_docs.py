"""Writes docs/configuration.md and .env.example from the settings themselves; `--check` only compares."""

import sys
from pathlib import Path

from pydantic.fields import FieldInfo

from warung.settings import Settings

ROOT = Path(__file__).parent.parent
MARKDOWN = ROOT / "docs" / "configuration.md"
ENVIRONMENT = ROOT / ".env.example"

_INTRODUCTION = """\
# Configuration

Every setting is an environment variable; a file `.env` in the working folder may hold them too, and the
environment wins over it. A value that can't be right stops the start with one line that names it.

`warung demo` and `make run` use the small packaged model unless `MODEL_REPO_ID` is set, and load it at once.

| name | default | what |
|---|---|---|
"""


def default_of(field: FieldInfo) -> str:
    """The default as it would stand in `.env`."""
    value = field.default
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def markdown() -> str:
    rows = "".join(
        f"| `{name.upper()}` | {_code(default_of(field))} | {field.description} |\n"
        for name, field in Settings.model_fields.items()
    )
    return _INTRODUCTION + rows


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def environment() -> str:
    entries = [
        f"# {field.description}\n# {name.upper()}={default_of(field)}\n"
        for name, field in Settings.model_fields.items()
    ]
    return (
        "# Copy to .env and take the # off what you set. docs/configuration.md is the same as a table.\n\n"
        + ("\n".join(entries))
    )


def main() -> None:
    for path, text in ((MARKDOWN, markdown()), (ENVIRONMENT, environment())):
        if "--check" not in sys.argv:
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            sys.exit(f"{path.relative_to(ROOT)} is out of date: run make docs")


if __name__ == "__main__":
    main()
