"""Answers of a given shape: which tokens a constraint allows next; the grammar engine is llguidance."""

# The grammar library carries no complete types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportUnknownLambdaType=false

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer

from warung.engine.constraint import TOOL_CALL_BEGIN, TOOL_CALL_END, Constraint, JsonSchema, Regex, ToolCalls
from warung.errors import InvalidInput

# Free white space would let a small model write blanks for ever.
_JSON_STYLE: Any = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}

_VALUES = {"enum", "const", "default", "examples"}  # hold values, no schemas

_CONTROL_MARK = b"\xff"  # what llguidance puts before a control token's spelling


class GrammarMatcher:
    """One answer's place in its grammar; `known` is the size of the tokenizer's vocabulary, `size` that of
    the model's logits."""

    def __init__(self, matcher: LLMatcher, known: int, size: int) -> None:
        self._matcher = matcher
        self._known = known
        self._size = size

    @property
    def is_complete(self) -> bool:
        return self._matcher.is_stopped() and not self._matcher.is_error()

    def accept(self, token: int) -> None:
        self._matcher.consume_token(token)

    def allowed(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        mask = np.zeros(-(-self._known // 32), dtype=np.uint32)
        self._matcher.unsafe_compute_mask_ptr(mask.ctypes.data, mask.nbytes)
        if (
            self._matcher.is_error()
        ):  # too much to work out; the library would end the answer as if it were whole
            mask[:] = 0
        bits = np.unpackbits(mask.view(np.uint8), bitorder="little")
        return bits[: self._size].astype(np.bool_)


class Grammars:
    """Makes matchers for one model; `size` is the number of its logits, `ends` are the tokens that end an
    answer."""

    def __init__(self, tokenizer: Any, ends: Iterable[int], size: int) -> None:
        # A tokenizer may know tokens that the model has no number for.
        known = max(size, len(tokenizer))
        self.vocabulary: LLTokenizer = from_tokenizer(tokenizer, n_vocab=known, eos_token=sorted(ends))
        self.size = size
        self._trigger = _trigger(tokenizer)

    def spellings(self) -> list[bytes]:
        """The bytes of every token, a control token's as it is spelled."""
        return [
            self.vocabulary.decode_bytes([token]).removeprefix(_CONTROL_MARK)
            for token in range(self.vocabulary.vocab_size)
        ]

    def matcher(self, constraint: Constraint, begun: Iterable[int] = ()) -> GrammarMatcher:
        """A matcher that has read the tokens `begun`.

        Raises InvalidInput for a schema or pattern that is wrong, or that the grammar engine can't do.
        """
        grammar = self._grammar(constraint)
        matcher = LLMatcher(self.vocabulary, grammar, log_level=0)
        if matcher.is_error():
            raise _refused(constraint, matcher.get_error())
        for token in begun:
            matcher.consume_token(token)
        if matcher.is_error():
            raise InvalidInput("the answer to go on from doesn't fit its grammar", field="generated")
        made = GrammarMatcher(matcher, self.vocabulary.vocab_size, self.size)
        if not made.allowed().any():
            raise _refused(constraint, "no answer fits it, or it is too complex")
        return made

    def _grammar(self, constraint: Constraint) -> str:
        try:
            match constraint:
                case JsonSchema(schema):
                    return LLMatcher.grammar_from_json_schema(
                        json.dumps(_said(json.loads(schema))), overrides=_JSON_STYLE
                    )
                case Regex(pattern):
                    return LLMatcher.grammar_from_regex(pattern)
                case ToolCalls():
                    return LLMatcher.grammar_from_lark(self._tool_grammar(constraint))
        except ValueError as error:
            raise _refused(constraint, str(error)) from error

    def _tool_grammar(self, calls: ToolCalls) -> str:
        """In Lark's notation (llguidance's dialect of it)."""
        names = [f"call_{number}" for number in range(len(calls.tools))]
        any_call = f"({' | '.join(names)})"
        begin = json.dumps(TOOL_CALL_BEGIN) if self._trigger is None else self._trigger
        lines = ["%llguidance {}"]
        if calls.required:
            lines.append(f"start: {any_call}{f' (NEWLINE {any_call})*' if calls.several else ''}")
            head = begin
        else:
            lines.append(f"start: {any_call}* text" if calls.several else f"start: {any_call} | text")
            lines += ["text: TEXT", r"TEXT: /(.|\n)*/"]
            head = "before" if self._trigger is None else f"TEXT {begin}"
            if self._trigger is None:
                lines.append(f"before[lazy]: TEXT {begin}")
        lines.append(r"NEWLINE: /\n/")
        for name, tool in zip(names, calls.tools, strict=True):
            opening = json.dumps(f'\n{{"name": {json.dumps(tool.name)}, "arguments": ')
            schema = json.dumps(_said(_object_schema(tool.parameters)) | {"x-guidance": _JSON_STYLE})
            lines.append(f"{name}: {head} {opening} %json {schema} {json.dumps('}' + chr(10))} {self._end()}")
        return "\n".join(lines) + "\n"

    def _end(self) -> str:
        return json.dumps(TOOL_CALL_END) if self._trigger is None else TOOL_CALL_END


def _object_schema(text: str) -> dict[str, Any]:
    """A tool's parameters; the dialect lets them be left empty, and they are always an object."""
    schema = json.loads(text)
    return {"type": "object", **schema}


def _said(schema: Any) -> Any:
    """The schema without what says nothing and is refused all the same."""
    if isinstance(schema, list):
        return [_said(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        keyword: part if keyword in _VALUES else _said(part)
        for keyword, part in schema.items()
        if keyword != "uniqueItems" or part is not False
    }


def _trigger(tokenizer: Any) -> str | None:
    """What begins a call, for the models in whose vocabulary it is one token: a grammar names that token."""
    return TOOL_CALL_BEGIN if TOOL_CALL_BEGIN in tokenizer.get_added_vocab() else None


def _refused(constraint: Constraint, reason: str) -> InvalidInput:
    field = {JsonSchema: "response_format", Regex: "structured_outputs", ToolCalls: "tools"}[type(constraint)]
    line = " ".join(reason.split())[:300]
    return InvalidInput(f"{field} can't be followed by the model: {line}", field=field)
