"""The blocks of docs/clients.md, run as they stand there, but for the server and the model."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from browser import open_browser
from clients.llm_program import llm_environment
from clients.node import FOLDER, NODE, require_packages
from clients.wire import Wire, open_wire
from openai_api.house import CHAT, open_house
from warung.engine.scripted import MODEL_ID

TEXT = "What is a warung?"  # the question; the scripted model says it again
PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text()
RESUMING = "After a lost connection"
_PART = re.compile(
    r"^## (?P<section>[^\n]+)$|^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
_PROGRAMS: dict[str, list[str]] = {
    "python": [sys.executable, "-c"],
    "js": [str(NODE), "--input-type=module", "-e"],
    "sh": ["bash", "-c"],
}


@dataclass(frozen=True, slots=True)
class Block:
    section: str
    language: str
    code: str

    @property
    def is_for_browsers(self) -> bool:
        return "document." in self.code

    def at(self, url: str) -> str:
        return self.code.replace("http://127.0.0.1:3000", url).replace("MODEL", MODEL_ID)

    def run(self, url: str, folder: Path) -> str:
        """What it prints; `folder` is that of `llm`."""
        require_packages()
        ended = subprocess.run(
            [*_PROGRAMS[self.language], self.at(url)],
            check=False,
            cwd=FOLDER,
            env=llm_environment(folder),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


def _blocks() -> Iterator[Block]:
    section = ""
    for part in _PART.finditer(PAGE):
        section = part["section"] or section
        if part["code"]:
            yield Block(section, part["language"], part["code"])


BLOCKS = list(_blocks())
(SETTINGS_OF_LLM,) = [block for block in BLOCKS if block.language == "yaml"]
(FOR_BROWSERS,) = [block for block in BLOCKS if block.is_for_browsers]
(REST_BY_CURL, REST_BY_PYTHON) = [block for block in BLOCKS if block.section == RESUMING]
OTHERS = [
    block for block in BLOCKS if block.section != RESUMING and block not in (SETTINGS_OF_LLM, FOR_BROWSERS)
]


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with open_house(tmp_path_factory.mktemp("house")) as house, open_wire(str(house.base_url)) as wire:
        yield wire


def contents(printed: str) -> str:
    """The text in a stream as curl shows it."""
    return "".join(re.findall(r'"content":"(.*?)"', printed))


@pytest.mark.parametrize("block", OTHERS, ids=lambda block: f"{block.section}, {block.language}")
def test_a_block_says_the_answer(block: Block, wire: Wire, tmp_path: Path) -> None:
    (tmp_path / "extra-openai-models.yaml").write_text(SETTINGS_OF_LLM.at(wire.url))
    printed = block.run(wire.url, tmp_path)
    assert (contents(printed) if "curl" in block.code else printed.rstrip("\n")) == TEXT


def test_the_block_for_browsers_says_the_answer(wire: Wire) -> None:
    with open_browser() as browser:
        page = browser.new_page()
        page.goto(wire.url)
        page.evaluate("async () => {" + FOR_BROWSERS.at(wire.url) + "}")
        page.wait_for_function("text => document.body.innerText.endsWith(text)", arg=TEXT)


def test_curl_gets_the_rest(wire: Wire, tmp_path: Path) -> None:
    """The first event brings the role, each other one a character."""
    assert contents(REST_BY_CURL.run(wire.url, tmp_path)) == TEXT + TEXT[12:]


def test_openai_python_gets_each_chunk_once(wire: Wire, tmp_path: Path) -> None:
    asked = len(wire.to(CHAT))
    wire.cut(CHAT, after_events=4)
    assert REST_BY_PYTHON.run(wire.url, tmp_path) == TEXT
    first, second = wire.to(CHAT)[asked:]
    assert first.last_event_id is None
    assert second.last_event_id
