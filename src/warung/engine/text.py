"""Between tokens and text: what a tokenizer must do, the incremental detokeniser, stop strings."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from warung.engine.constraint import Tool
from warung.engine.request import ChatMessage, FinishReason, GenerationRequest
from warung.engine.tools import spelled_out

# What the control tokens of the known model families look like: <|im_end|>, <s>, <start_of_turn>; [INST].
# Two patterns, since one may stand inside a match of the other: <[INST]>.
_CONTROL_TOKENS = (re.compile(r"<[^<>\s]{1,40}>"), re.compile(r"\[/?[A-Z_]{2,24}\]"))
# The detokeniser keeps the prompt's end in view: some tokenizers render a token by its left neighbour.
_CONTEXT_TOKENS = 5


class Tokenizer(Protocol):
    """The model's own tokenizer; safe to call from any thread."""

    @property
    def context_length(self) -> int:
        """Tokens that prompt and answer may have together."""
        ...

    @property
    def control_tokens(self) -> frozenset[str]:
        """Spellings that `encode` turns into a token with a meaning of its own."""
        ...

    def encode(self, text: str) -> list[int]: ...

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of the tokens without control tokens. An unfinished character is left out or is U+FFFD."""
        ...

    def token_bytes(self, token_id: int) -> bytes:
        """A token's own bytes, which may be part of a character; a control token's spelling."""
        ...

    @property
    def knows_tools(self) -> bool:
        """Whether the chat template takes tools, calls and their answers."""
        ...

    def render(self, messages: Sequence[ChatMessage], tools: Sequence[Tool] = ()) -> str:
        """The messages in the model's chat template, up to where its answer begins. Raises InvalidInput."""
        ...


def encode_prompt(tokenizer: Tokenizer, request: GenerationRequest) -> list[int]:
    """The prompt's tokens. Control tokens spelled out by the caller are broken up, so that no message can
    forge another turn."""
    spellings = tokenizer.control_tokens
    messages = [_defused_message(message, spellings) for message in request.messages]
    tools = [
        Tool(*(_defused(text, spellings) for text in (tool.name, tool.parameters, tool.description)))
        for tool in request.tools
    ]
    if tokenizer.knows_tools:
        rendered = tokenizer.render(messages, tools)
    else:
        rendered = tokenizer.render(spelled_out(messages, tools))
    return tokenizer.encode(rendered + _defused(request.answer_prefix, spellings))


def _defused_message(message: ChatMessage, control_tokens: frozenset[str]) -> ChatMessage:
    calls = tuple(
        replace(
            call, name=_defused(call.name, control_tokens), arguments=_defused(call.arguments, control_tokens)
        )
        for call in message.tool_calls
    )
    return replace(message, content=_defused(message.content, control_tokens), tool_calls=calls)


def _defused(text: str, control_tokens: frozenset[str]) -> str:
    def break_up(match: re.Match[str]) -> str:
        spelling = match.group()
        return f"{spelling[0]} {spelling[1:]}" if spelling in control_tokens else spelling

    for pattern in _CONTROL_TOKENS:
        text = pattern.sub(break_up, text)
    return text


def control_tokens_in(vocabulary: Iterable[str]) -> frozenset[str]:
    """The entries that look like control tokens, for tokenizers that don't list them."""
    return frozenset(entry for entry in vocabulary if any(p.fullmatch(entry) for p in _CONTROL_TOKENS))


class Detokeniser:
    """Turns tokens into text as they come; never emits part of a character.

    Each step decodes a short window twice, with and without the new tokens, and emits the difference:
    the text of a token may depend on its neighbours, so tokens can't be decoded one at a time.
    """

    def __init__(self, tokenizer: Tokenizer, prompt: Sequence[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._window = list(prompt[-_CONTEXT_TOKENS:])
        self._settled = len(self._window)

    def feed(self, token_ids: Sequence[int], *, last: bool = False) -> str:
        """The text that became certain. `last` also gives out what will never be completed."""
        self._window += token_ids
        before = self._tokenizer.decode(self._window[: self._settled])
        after = self._tokenizer.decode(self._window)
        new = after[len(before) :]
        if not last and new.endswith("\ufffd"):
            return ""
        if new:
            self._window = self._window[self._settled :]
            self._settled = len(self._window)
        return new


class StopStrings:
    """Cuts text at the stop string that is complete first, however the text comes in pieces, and holds back
    what may become the start of one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""

    def feed(self, text: str, *, last: bool = False) -> tuple[str, bool]:
        """(text to show, whether a stop string was met)."""
        if not self._stops:
            return text, False
        self._held += text
        met = [(at + len(stop), at) for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if met:
            _, cut = min(met)
            shown, self._held = self._held[:cut], ""
            return shown, True
        keep = 0 if last else self._longest_start()
        shown, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return shown, False

    def _longest_start(self) -> int:
        """Length of the longest end of the held text that begins a stop string."""
        return max(
            (n for stop in self._stops for n in range(1, len(stop)) if self._held.endswith(stop[:n])),
            default=0,
        )


class TextStream:
    """One request's text: detokenised, then cut at its stop strings."""

    def __init__(self, tokenizer: Tokenizer, prompt: Sequence[int], stops: Sequence[str]) -> None:
        self._detokeniser = Detokeniser(tokenizer, prompt)
        self._stops = StopStrings(stops)

    def feed(
        self, token_ids: Sequence[int], finish_reason: FinishReason | None
    ) -> tuple[str, FinishReason | None]:
        """(text to show, finish reason), the latter also when a stop string was met."""
        last = finish_reason is not None
        text, stopped = self._stops.feed(self._detokeniser.feed(token_ids, last=last), last=last)
        return text, FinishReason.STOP if stopped else finish_reason
