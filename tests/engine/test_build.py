"""Which engine the options mean."""

from dataclasses import replace
from pathlib import Path

import pytest

from warung.engine.build import EngineOptions, build_engine
from warung.engine.upstream.engine import UpstreamEngine
from warung.engine.worker import ThreadedEngine
from warung.errors import InvalidInput

FLEET = EngineOptions("auto", "owner/model", upstream_urls=("http://gpu1:8000", "http://gpu2:8000"))


@pytest.mark.parametrize("engine", ["auto", "upstream"])
def test_servers_run_the_model_when_there_are_any(engine: str) -> None:
    options = replace(FLEET, engine=engine)
    built = build_engine(options)
    assert isinstance(built, UpstreamEngine)
    assert (built.model_id, options.is_upstream) == ("owner/model", True)


def test_a_name_on_the_servers_may_be_any(tmp_path: Path) -> None:
    for name in ("llama3:8b", str(tmp_path), "/models/m.gguf"):
        assert build_engine(replace(FLEET, model=name)).model_id == name


@pytest.mark.parametrize("engine", ["scripted", "openvino"])
def test_an_engine_that_is_named_runs_it_here(engine: str, model_file: Path) -> None:
    options = replace(FLEET, engine=engine, model=str(model_file))
    assert isinstance(build_engine(options), ThreadedEngine)
    assert not options.is_upstream


def test_without_servers_auto_runs_it_here(model_file: Path) -> None:
    options = EngineOptions("auto", str(model_file))
    assert isinstance(build_engine(options), ThreadedEngine)
    assert not options.is_upstream


def test_upstream_needs_a_server() -> None:
    with pytest.raises(InvalidInput, match="name at least one server") as caught:
        build_engine(EngineOptions("upstream", "owner/model"))
    assert caught.value.field == "UPSTREAM_URL"


def test_the_keys_are_not_shown() -> None:
    key = "rahasia"
    assert key not in repr(replace(FLEET, upstream_key=key, hub_token=key))
