"""A generation for a test, which tells what it was given."""

from collections.abc import AsyncIterator, Sequence

from warung.engine.request import FinishReason, TokenEvent, TokenLogprob, Usage


class Told:
    """The events one by one, then the error if there is one; `closed` counts the calls of close."""

    def __init__(self, events: Sequence[TokenEvent], error: Exception | None = None) -> None:
        self.closed = 0
        self._events = events
        self._error = error

    async def __aiter__(self) -> AsyncIterator[TokenEvent]:
        for event in self._events:
            yield event
        if self._error:
            raise self._error

    def close(self) -> None:
        self.closed += 1


def event(
    text: str,
    written: int,
    reason: FinishReason | None = None,
    logprobs: tuple[TokenLogprob, ...] = (),
    *,
    prompt: int = 7,
) -> TokenEvent:
    """One token's event, when `written` tokens have been written."""
    return TokenEvent((written,), text, Usage(prompt, written), reason, logprobs)
