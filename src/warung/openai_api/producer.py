"""Makes the events of one chat completion from an engine's tokens."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Protocol

from warung.completions.chunk import usage_object
from warung.completions.memo import MemoWriter, Past
from warung.engine.engine import EngineUnavailable
from warung.engine.request import FinishReason, TokenEvent, TokenLogprob, Usage
from warung.openai_api.plan import CompletionPlan
from warung.openai_api.tool_calls import Delta, ToolCallReader
from warung.streams.producer import Batch

_TOOL_CALLS = "tool_calls"
_UNLIKELIEST = -9999.0  # the dialect's word for it: JSON has no infinity


class Answers(Protocol):
    """Where the events of the choices come from, as from engine.choices."""

    def events(self) -> AsyncGenerator[tuple[int, TokenEvent]]: ...

    def close(self) -> None: ...


class CompletionProducer:
    """One turn of a stream: the opening chunks, chunks for every step that brought something, the ending.

    Where the request has tools, their calls are taken out of the text. `version` names the weights that
    answer; `on_usage` is told the tokens at the end, however it comes. With a `past` the turn has begun
    elsewhere; `is_open` when its opening chunks are stored.
    """

    def __init__(
        self,
        choices: Answers,
        plan: CompletionPlan,
        *,
        version: Callable[[], Awaitable[str]],
        on_usage: Callable[[Usage], None] = lambda _usage: None,
        past: Past | None = None,
        is_open: bool = False,
    ) -> None:
        self._choices = choices
        self._plan = plan
        self._version = version
        self._is_open = is_open
        self._writer = plan.writer
        self._memo = MemoWriter()
        self._readers = [ToolCallReader() if plan.request.tools else None for _ in range(plan.count)]
        self._usages: dict[int, Usage] = {}
        self._spent: dict[int, Usage] = {}
        self._on_usage: Callable[[Usage], None] | None = on_usage
        if past:
            self._recall(past)

    def _recall(self, past: Past) -> None:
        """Come to where the turn was left. What the readers give for the old text has been said."""
        for choice, begun in enumerate(past.choices):
            if reader := self._readers[choice]:
                reader.feed(begun.text, last=begun.finish_reason is not None)
            if begun.usage:
                self._spent[choice] = begun.usage
                if begun.finish_reason:
                    self._usages[choice] = begun.usage

    @property
    def plan(self) -> str:
        return self._plan.json()

    @property
    def _has_ended(self) -> bool:
        return len(self._usages) == len(self._readers)

    async def events(self) -> AsyncGenerator[Batch]:
        try:
            if not self._is_open:
                yield Batch([self._writer.opening(choice=choice) for choice in range(len(self._readers))])
            if self._has_ended:  # and all was said: only the turn's state is still to be stored
                return
            async with aclosing(self._choices.events()) as events:
                async for choice, event in events:
                    self._memo.version = self._memo.version or await self._version()
                    self._memo.add(choice, event)
                    self._spent[choice] = event.usage
                    chunks = self._chunks(choice, event)
                    ending = self._ending() if self._has_ended else []
                    if chunks:
                        yield Batch([*chunks, *ending], self._memo.line(), is_last=bool(ending))
                    if ending:
                        return
            raise EngineUnavailable("the engine stopped before the answer ended")
        finally:
            self._choices.close()

    def _ending(self) -> list[str]:
        self._tell_usage()
        return self._writer.end(self._usage())

    def _tell_usage(self) -> None:
        """Once; who only hands over leaves it to the next producer."""
        tell, self._on_usage = self._on_usage, None
        if tell and self._spent:
            tell(_total(self._spent))

    def _chunks(self, choice: int, event: TokenEvent) -> list[str]:
        deltas = self._deltas(choice, event)
        logprobs = _logprobs_object(event.logprobs) if event.logprobs else None
        if not event.finish_reason:
            parts = deltas or ([{"content": ""}] if logprobs else [])
            return self._parts(choice, parts, logprobs)
        self._usages[choice] = event.usage
        is_last = len(self._usages) == len(self._readers)
        own = {"usage": usage_object(self._usage())} if is_last else {}
        *parts, closing = deltas or [{}]
        written = self._parts(choice, parts, logprobs)
        ending = self._writer.part(
            closing,
            choice=choice,
            reason=self._reason(choice, event.finish_reason),
            logprobs=None if written else logprobs,
            **own,
        )
        return [*written, ending]

    def _parts(self, choice: int, deltas: Sequence[Delta], logprobs: Mapping[str, Any] | None) -> list[str]:
        """A chunk for each delta; the first brings the logprobs of them all."""
        return [
            self._writer.part(delta, choice=choice, logprobs=None if number else logprobs)
            for number, delta in enumerate(deltas)
        ]

    def _deltas(self, choice: int, event: TokenEvent) -> list[Delta]:
        reader = self._readers[choice]
        if reader:
            return reader.feed(event.text, last=event.finish_reason is not None)
        return [{"content": event.text}] if event.text else []

    def _reason(self, choice: int, reason: FinishReason) -> str:
        """A call that a stop string cut is none that could be made: its answer just stopped."""
        reader = self._readers[choice]
        called = reader and reader.calls and reader.is_whole
        return _TOOL_CALLS if called and reason is FinishReason.STOP else reason

    def _usage(self) -> Usage:
        return _total(self._usages)

    def abandon(self) -> None:
        self._choices.close()

    async def last_words(self, error: Exception | None) -> Sequence[str]:
        self._choices.close()
        self._tell_usage()
        return self._writer.failure(error)


def _total(usages: Mapping[int, Usage]) -> Usage:
    """Of all choices; the prompt counts once, however many answers it gets."""
    prompt = max(usage.prompt_tokens for usage in usages.values())
    return Usage(prompt, sum(usage.completion_tokens for usage in usages.values()))


def _logprobs_object(tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
    return {
        "content": [_logprob(token, top=[_logprob(one) for one in token.top]) for token in tokens],
        "refusal": None,
    }


def _logprob(token: TokenLogprob, *, top: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    told = {
        "token": token.token.decode("utf-8", "replace"),
        "bytes": list(token.token),
        "logprob": max(_UNLIKELIEST, token.logprob),
    }
    return told if top is None else {**told, "top_logprobs": top}
