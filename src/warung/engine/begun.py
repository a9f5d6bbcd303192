"""An answer that was cut: what is known of it, and how an engine goes on with it; knows no wire."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from warung.engine.engine import Engine, EngineUnavailable, Generation
from warung.engine.features import Feature
from warung.engine.request import MAX_SEED, FinishReason, GenerationRequest, TokenEvent, Usage


@dataclass(slots=True)
class Begun:
    """An answer so far. `usage` is None before its first event, `finish_reason` before its last."""

    tokens: list[int] = field(default_factory=list[int])
    text: str = ""
    usage: Usage | None = None
    finish_reason: FinishReason | None = None

    def add(self, event: TokenEvent) -> None:
        self.tokens += event.token_ids
        self.text += event.text
        self.usage, self.finish_reason = event.usage, event.finish_reason


async def go_on(engine: Engine, request: GenerationRequest, begun: Begun) -> Generation:
    """The rest of an answer to `request`: from its tokens where the engine takes them and all are known, else
    from its text. Usage counts the whole answer.

    Raises what Engine.submit raises, and EngineUnavailable (code interrupted) when it can't go on. The model
    must be loaded.
    """
    if begun.usage is None:
        return await engine.submit(request)
    spent = begun.usage.completion_tokens
    if spent >= request.sampling.max_tokens:
        return _Spent(begun.usage)
    if engine.resumes_tokens and len(begun.tokens) == spent:
        return await engine.submit(replace(request, generated=tuple(begun.tokens)))
    if not begun.text:
        return await engine.submit(request)
    return _Rest(await engine.submit(_from_text(engine, request, begun.text, spent)), begun.usage)


def _from_text(engine: Engine, request: GenerationRequest, text: str, spent: int) -> GenerationRequest:
    sampling = request.sampling
    if sampling.constraint:
        raise interrupted("its shape can't be kept from its text alone")
    if Feature.CONTINUATION not in engine.features:
        raise interrupted("the engine that runs this model continues no answer")
    # With the seed alone, the rest would draw the numbers of the beginning once more.
    seed = (sampling.seed + spent) % (MAX_SEED + 1)
    rest = replace(sampling, max_tokens=sampling.max_tokens - spent, seed=seed)
    return replace(request, answer_prefix=request.answer_prefix + text, sampling=rest)


def interrupted(reason: str) -> EngineUnavailable:
    return EngineUnavailable(f"the answer was cut and can't go on: {reason}; ask again", code="interrupted")


class _Rest:
    """A generation that began with the text of another; its events count that one's tokens too."""

    def __init__(self, generation: Generation, before: Usage) -> None:
        self._generation = generation
        self._before = before

    async def __aiter__(self) -> AsyncIterator[TokenEvent]:
        async for event in self._generation:
            yield replace(event, usage=self._whole(event.usage))

    def _whole(self, usage: Usage) -> Usage:
        """The rest's prompt holds the beginning of the answer, which is none of the prompt's tokens."""
        spent = self._before.completion_tokens
        prompt = self._before.prompt_tokens or max(0, usage.prompt_tokens - spent)
        return Usage(prompt, spent + usage.completion_tokens)

    def close(self) -> None:
        self._generation.close()


@dataclass(frozen=True, slots=True)
class _Spent:
    """The rest of an answer that has all the tokens it may have, and only lacks its end."""

    usage: Usage

    async def __aiter__(self) -> AsyncIterator[TokenEvent]:
        yield TokenEvent((), "", self.usage, FinishReason.LENGTH)

    def close(self) -> None:
        """It holds no place."""
