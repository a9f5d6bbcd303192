"""What a loaded model and its configuration say of themselves; runs nothing."""

# The model libraries carry no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any

_DEFAULT_CONTEXT = 4096


def end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end an answer: the model's list when it has one, and the tokenizer's."""
    listed = model.generation_config.eos_token_id
    ends: list[int | None] = listed if isinstance(listed, list) else [listed]
    return frozenset(end for end in [*ends, tokenizer.eos_token_id] if end is not None)


def unlike(config: Any) -> str | None:
    """What the configuration says of layers that are more than attention to all or to the last tokens."""
    strange = set[str](getattr(config, "layer_types", None) or ()) - {"full_attention", "sliding_attention"}
    if strange:
        return f"it has layers of type {', '.join(sorted(strange))}"
    if getattr(config, "num_kv_shared_layers", 0):
        return "its layers share keys and values"
    return None


def context_length(model: Any) -> int:
    """Tokens that a sequence may have. LongRoPE turns all positions another way once a sequence passes the
    original length, also those in the cache and of other sequences, so that length is the limit."""
    config = model.config.get_text_config()
    limits = [int(getattr(config, "max_position_embeddings", _DEFAULT_CONTEXT))]
    rope = getattr(config, "rope_parameters", None) or {}
    by_layer_type = [nested for nested in rope.values() if isinstance(nested, dict)]
    limits.extend(
        int(parameters["original_max_position_embeddings"])
        for parameters in [rope, *by_layer_type]
        if parameters.get("rope_type") == "longrope"
    )
    return min(limits)


def bytes_per_token(model: Any) -> int:
    """What one token takes in the KV cache of all layers."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return 2 * config.num_hidden_layers * heads * size * model.dtype.itemsize
