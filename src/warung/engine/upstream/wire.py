"""From a generation request to the JSON of POST /v1/chat/completions; knows no connection."""

import hashlib
import json
from typing import Any

from warung.engine.constraint import JsonSchema, Regex, ToolCalls
from warung.engine.request import ChatMessage, GenerationRequest, SamplingParams
from warung.engine.tools import template_tools
from warung.engine.upstream.kind import Kind
from warung.errors import InvalidInput

_ANY_OBJECT = {"type": "object"}
_MAX_LLAMACPP_SEED = 2**31 - 1  # it keeps 32 bits, and all of them set mean a random one


def body_of(model_id: str, request: GenerationRequest, kind: Kind) -> dict[str, Any]:
    """The request as a server of this kind takes it, to be streamed. Raises InvalidInput."""
    options = {"include_usage": True}
    if kind.counts_as_it_goes:
        options["continuous_usage_stats"] = True
    return {
        "model": model_id,
        "messages": [_message(message) for message in request.messages],
        "stream": True,
        "stream_options": options,
        **_sampling(request.sampling, kind),
        **_logprobs(request.sampling, kind),
        **_shape(request, kind),
        **(_of_vllm(request) if kind is Kind.VLLM else {}),
    } | _continuation(request)


def _of_vllm(request: GenerationRequest) -> dict[str, Any]:
    """Its cache shares prefixes among requests of equal salt."""
    told: dict[str, Any] = {"return_token_ids": True}
    if request.tenant:
        told["cache_salt"] = hashlib.sha256(request.tenant.encode()).hexdigest()
    return told


def _message(message: ChatMessage) -> dict[str, Any]:
    told: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        told["content"] = message.content or None
        told["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        told["tool_call_id"] = message.tool_call_id
    return told


def _continuation(request: GenerationRequest) -> dict[str, Any]:
    if not request.answer_prefix:
        return {}
    begun = {"role": "assistant", "content": request.answer_prefix}
    return {
        "messages": [*(_message(message) for message in request.messages), begun],
        "continue_final_message": True,
        "add_generation_prompt": False,
    }


def _sampling(sampling: SamplingParams, kind: Kind) -> dict[str, Any]:
    """Fields at their neutral values are sent only where leaving them out would mean something else."""
    fields: dict[str, tuple[Any, Any]] = {
        "top_k": (sampling.top_k, 0),
        "min_p": (sampling.min_p, 0),
        "presence_penalty": (sampling.presence_penalty, 0),
        "frequency_penalty": (sampling.frequency_penalty, 0),
        "repeat_penalty" if kind is Kind.LLAMACPP else "repetition_penalty": (sampling.repetition_penalty, 1),
    }
    body: dict[str, Any] = {
        "max_tokens": sampling.max_tokens,
        "temperature": 0 if sampling.greedy else sampling.temperature,
        "top_p": sampling.top_p,
        **{name: value for name, (value, none) in fields.items() if value != none or kind.reads_all_sampling},
    }
    if kind.reads_all_sampling and not sampling.top_k:
        body["top_k"] = -1  # 0 is no number of tokens to SGLang
    if not sampling.greedy:
        body["seed"] = sampling.seed & _MAX_LLAMACPP_SEED if kind is Kind.LLAMACPP else sampling.seed
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.logit_bias:
        body["logit_bias"] = {str(token): bias for token, bias in sampling.logit_bias.items()}
    return body


def _logprobs(sampling: SamplingParams, kind: Kind) -> dict[str, Any]:
    if sampling.logprobs is None:
        return {}
    # llama.cpp tells a token's own probability only beside at least one of the likeliest.
    least = 1 if kind is Kind.LLAMACPP else 0
    return {"logprobs": True, "top_logprobs": max(sampling.logprobs, least)}


def _shape(request: GenerationRequest, kind: Kind) -> dict[str, Any]:
    constraint = request.sampling.constraint
    if isinstance(constraint, JsonSchema):
        return {"response_format": _format(constraint)}
    if isinstance(constraint, Regex):
        pattern = constraint.pattern
        return {"regex": pattern} if kind is Kind.SGLANG else {"structured_outputs": {"regex": pattern}}
    return _tools(request, constraint or ToolCalls(request.tools)) if request.tools else {}


def _format(constraint: JsonSchema) -> dict[str, Any]:
    try:
        schema = json.loads(constraint.schema)
    except ValueError as error:
        raise InvalidInput("response_format: the schema is no JSON", field="response_format") from error
    if schema == _ANY_OBJECT:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


def _tools(request: GenerationRequest, calls: ToolCalls) -> dict[str, Any]:
    """One call of one tool is asked for by that tool's name; the prompt still tells of all of them."""
    if calls.required and not calls.several and len(calls.tools) == 1:
        named = {"type": "function", "function": {"name": calls.tools[0].name}}
        return {"tools": template_tools(request.tools), "tool_choice": named}
    return {
        "tools": template_tools(calls.tools),
        "tool_choice": "required" if calls.required else "auto",
        "parallel_tool_calls": calls.several,
    }
