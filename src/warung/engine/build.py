"""Builds the engine that a model needs; imports a model library only when it is the one to use."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from warung.engine.engine import Engine
from warung.engine.features import ALL_FEATURES
from warung.engine.loader import EngineName, ModelSource, choose_engine
from warung.engine.process import RunnerProcess
from warung.engine.scripted import scripted_engine
from warung.engine.worker import Runner, ThreadedEngine
from warung.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """`engine` is auto or an EngineName; `device_map` and `dtype` are for Transformers alone. `cache_bytes`
    is the size of the KV cache, None for the engine's own choice. `share_prefixes` false keeps apart what was
    computed for different callers; `batch_invariant` false lets OpenVINO quantise activations. `model` is its
    name on the servers where `upstream_urls` run it."""

    engine: str
    model: str
    max_requests: int = 64
    device_map: str = "auto"
    dtype: str = "auto"
    hub_token: str | None = field(default=None, repr=False)
    trust_remote_code: bool = False
    cache_bytes: int | None = None
    share_prefixes: bool = True
    batch_invariant: bool = True
    upstream_urls: Sequence[str] = ()
    upstream_key: str | None = field(default=None, repr=False)

    @property
    def is_upstream(self) -> bool:
        """Whether other servers run the model: there is nothing to load here."""
        return self.engine == EngineName.UPSTREAM or (self.engine == "auto" and bool(self.upstream_urls))


def build_engine(options: EngineOptions) -> Engine:
    """Raises InvalidInput when the model's name or a server's is wrong, or its engine isn't installed."""
    if options.engine == EngineName.SCRIPTED:
        return scripted_engine()
    if options.is_upstream:
        from warung.engine.upstream.engine import UpstreamEngine

        return UpstreamEngine(
            options.model,
            options.upstream_urls,
            key=options.upstream_key,
            max_requests=options.max_requests,
            share_prefixes=options.share_prefixes,
        )
    source = ModelSource.parse(options.model)
    name = choose_engine(source) if options.engine == "auto" else EngineName(options.engine)
    _require_installed(name)
    runner = _openvino(source, options) if name is EngineName.OPENVINO else _transformers(source, options)
    return ThreadedEngine(source.public_name, runner, max_requests=options.max_requests)


def _openvino(source: ModelSource, options: EngineOptions) -> Runner:
    """Its steps hold Python's lock: beside the event loop, that would stand still as long as each takes."""
    from warung.engine.openvino.runner import OpenVinoRunner
    from warung.engine.openvino.tokenizer import load_tokenizer

    token = options.hub_token
    build = partial(
        OpenVinoRunner,
        source,
        hub_token=token,
        cache_bytes=options.cache_bytes,
        share_prefixes=options.share_prefixes,
        batch_invariant=options.batch_invariant,
    )
    return RunnerProcess(build, OpenVinoRunner.features, partial(load_tokenizer, source, token))


def _transformers(source: ModelSource, options: EngineOptions) -> Runner:
    """It and the event loop would wait for each other's hold of Python's lock."""
    from warung.engine.transformers.options import ModelOptions, build_runner

    asked = ModelOptions(
        options.device_map,
        options.dtype,
        options.hub_token,
        options.trust_remote_code,
        options.cache_bytes,
        options.share_prefixes,
    )
    return RunnerProcess(partial(build_runner, source, asked), ALL_FEATURES)


def _require_installed(name: EngineName) -> None:
    module = {EngineName.OPENVINO: "openvino_genai", EngineName.TRANSFORMERS: "transformers"}[name]
    if importlib.util.find_spec(module) is None:
        raise InvalidInput(
            f"ENGINE: this model needs the {name} engine: pip install 'warung[{name}]'",
            field="ENGINE",
        )
