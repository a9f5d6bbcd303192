"""`llm`, the program. It is told of the server in a file of its folder, and keeps there what it heard."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from clients.heard import Heard, Way
from warung.engine.scripted import MODEL_ID

_WEATHER = 'def weather(city: str) -> str:\n    "How warm it is."\n    return "24"\n'


def llm_program(url: str, way: Way, prompt: str) -> Heard:
    options = {Way.STREAM: [], Way.PLAIN: ["--no-stream"], Way.TOOLS: ["--functions", _WEATHER]}
    with tempfile.TemporaryDirectory() as folder:
        told = {"model_id": "warung", "model_name": MODEL_ID, "api_base": f"{url}/v1", "supports_tools": True}
        (Path(folder) / "extra-openai-models.yaml").write_text(json.dumps([told]))  # JSON is YAML
        answer = run_llm(Path(folder), "-m", "warung", *options[way], prompt)
        if answer.returncode:
            return Heard(answer.stdout, error=answer.stderr)
        logs: list[dict[str, Any]] = json.loads(run_llm(Path(folder), "logs", "--json").stdout)
    counts = logs[-1]["input_tokens"], logs[-1]["output_tokens"]
    calls = [call["arguments"]["city"] for one in logs for call in one["tool_calls"]]
    return Heard(answer.stdout.removesuffix("\n"), _reason(logs[-1]["response_json"]), counts, calls)


def _reason(answer: dict[str, Any]) -> str:
    """A streamed answer is logged in a shape of its own."""
    return answer["choices"][0]["finish_reason"] if "choices" in answer else answer["finish_reason"]


def run_llm(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["llm", *arguments],
        check=False,
        env=llm_environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
    )


def llm_environment(folder: Path) -> dict[str, str]:
    """No plugins: the packaged model is one, whose own requirements are not installed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "LLM_USER_PATH": str(folder), "LLM_LOAD_PLUGINS": ""}
