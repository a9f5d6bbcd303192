"""From the chunks of one streamed chat completion to an engine's events; knows no connection."""

import json
from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from typing import Any

from warung.engine.request import FinishReason, TokenEvent, TokenLogprob, Usage
from warung.engine.upstream.calls import CallWriter
from warung.engine.upstream.failure import ServerFailed, frame_failure

_DONE = "[DONE]"
# A server that is stopped, or that lost the request, ends with these: the answer isn't whole.
_BROKEN_OFF = frozenset({"abort", "error"})


class Answer:
    """One answer as it comes; `logprobs` are the likeliest tokens to tell, None tells none.

    Usage is the server's own wherever it tells one. Until then it counts the pieces of text as tokens, and
    the prompt's tokens are 0. Thinking that the server keeps apart from its answer is left out.
    """

    def __init__(self, logprobs: int | None) -> None:
        self.ended = False
        self._logprobs = logprobs
        self._calls = CallWriter()
        self._usage = Usage(0, 0)
        self._reason: FinishReason | None = None
        self._has_text = False

    async def events(self, frames: AsyncIterable[str]) -> AsyncGenerator[TokenEvent]:
        """From the data of server-sent events. The last event comes after the server's usage.

        Raises ServerFailed when the answer breaks off or is none, InvalidInput when the server says so.
        """
        async for data in frames:
            if data == _DONE:
                break
            if event := self._read(data):
                yield event
        if not self._reason:
            raise ServerFailed("broke off its answer")
        self.ended = True
        yield TokenEvent((), "", self._usage, self._reason)

    def _read(self, data: str) -> TokenEvent | None:
        try:
            chunk = json.loads(data)
            error = chunk.get("error")
            event = None if error else self._event(chunk)
        except (ValueError, TypeError, KeyError, AttributeError) as unreadable:
            raise ServerFailed("sends what is no chat completion") from unreadable
        if error:
            raise frame_failure(error)
        return event

    def _event(self, chunk: Mapping[str, Any]) -> TokenEvent | None:
        choices: Sequence[dict[str, Any]] = chunk.get("choices") or ()
        choice = choices[0] if choices else {}
        text = self._text(choice.get("delta") or {}) + self._finish(choice.get("finish_reason"))
        tokens: tuple[int, ...] = tuple(choice.get("token_ids") or ())
        self._count(chunk.get("usage"), len(tokens) or bool(text))
        likelihoods: dict[str, Any] = choice.get("logprobs") or {}
        logprobs = self._likelihoods(likelihoods.get("content") or ())
        if not (text or tokens or logprobs):
            return None
        return TokenEvent(tokens, text, self._usage, logprobs=logprobs)

    def _text(self, delta: Mapping[str, Any]) -> str:
        text = delta.get("content") or delta.get("refusal") or ""
        calls = self._calls.write(delta.get("tool_calls") or ())
        # The line between what was said and the first call, as between calls.
        joint = "\n" if calls and self._has_text else ""
        self._has_text = not calls and (self._has_text or bool(text))
        return (text + joint + calls).encode(errors="replace").decode()  # JSON can spell half a character

    def _finish(self, reason: str | None) -> str:
        """Notes why the answer ended; the text that closes an unfinished call, unless it was cut there."""
        if not reason:
            return ""
        if reason in _BROKEN_OFF:
            raise ServerFailed("broke off its answer")
        self._reason = FinishReason.LENGTH if reason == "length" else FinishReason.STOP
        return self._calls.end() if self._reason is FinishReason.STOP else ""

    def _count(self, told: Mapping[str, int] | None, more: int) -> None:
        if told:
            self._usage = Usage(told["prompt_tokens"], told.get("completion_tokens") or 0)
        else:
            self._usage = Usage(self._usage.prompt_tokens, self._usage.completion_tokens + more)

    def _likelihoods(self, told: Sequence[Mapping[str, Any]]) -> tuple[TokenLogprob, ...]:
        if self._logprobs is None:
            return ()
        return tuple(
            _likelihood(one, tuple(map(_likelihood, (one.get("top_logprobs") or ())[: self._logprobs])))
            for one in told
        )


def _likelihood(told: Mapping[str, Any], top: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
    spelled = told.get("bytes")
    token = str(told["token"]).encode(errors="replace") if spelled is None else bytes(spelled)
    return TokenLogprob(token, float(told["logprob"]), top)
