"""How to load a model, and how to begin to; imports no model library, since the server itself needs none."""

from dataclasses import dataclass, field

from warung.engine.loader import ModelSource
from warung.engine.worker import Runner


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How to load: `device_map` and `dtype` as Transformers means them. `cache_bytes` is the size of the KV
    cache, None for a GiB of the machine's memory or half of what a GPU has left beside the model.
    `share_prefixes` false keeps tenants apart."""

    device_map: str = "auto"
    dtype: str = "auto"
    hub_token: str | None = field(default=None, repr=False)
    trust_remote_code: bool = False
    cache_bytes: int | None = None
    share_prefixes: bool = True


def build_runner(source: ModelSource, options: ModelOptions) -> Runner:
    """The runner of this package, in the process that is to have the model."""
    from warung.engine.transformers.runner import TransformersRunner

    return TransformersRunner(source, options)
