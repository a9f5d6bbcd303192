"""The documents say what the code does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from warung.app import create_app
from warung.cli import app as command_line
from warung.settings import Settings

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_configuration_lists_every_setting() -> None:
    check = [sys.executable, str(ROOT / "scripts" / "settings_docs.py"), "--check"]
    assert subprocess.run(check, check=False, capture_output=True, text=True).stderr == ""


def test_every_route_is_documented(shop: Settings) -> None:
    documented = (ROOT / "docs" / "api.md").read_text()
    paths = create_app(shop).openapi()["paths"]
    routes = [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]
    assert len(routes) > 8
    assert [route for route in routes if f"`{route}`" not in documented] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_modules_exist(document: Path) -> None:
    """`engine.worker.ThreadedEngine`, `assistant/grounding.py`: what is named in code marks is there."""
    text = document.read_text()
    files = re.findall(r"`((?:[a-z_]+/)+[a-z_]*(?:\.(?:py|md|toml))?)`", text)
    roots = (ROOT, ROOT / "src" / "warung", ROOT / "docs")
    assert [file for file in files if not any((root / file).exists() for root in roots)] == []


def test_the_readme_names_every_command() -> None:
    said = CliRunner().invoke(command_line, ["--help"]).output
    for name in re.findall(r"warung ([a-z]+(?: \| [a-z]+)*)`", (ROOT / "CHANGELOG.md").read_text()):
        for command in name.split(" | "):
            assert command in said
