"""Makes the events of one answer: what was found, then those words of the model that can be vouched for."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import structlog

from warung.assistant import phrases
from warung.assistant.grounding import Sentence, Verifier, replace_references
from warung.assistant.plan import AnswerPlan
from warung.assistant.sentences import SentenceSplitter
from warung.completions.memo import MemoWriter, Past, pieces
from warung.completions.revival import patiently, require_version
from warung.conversations.message import Status
from warung.engine.begun import go_on
from warung.engine.engine import Engine, Generation
from warung.engine.features import Feature
from warung.engine.request import FinishReason, GenerationRequest, TokenEvent, Usage
from warung.errors import InvalidInput, WarungError
from warung.products.cards import ProductCard
from warung.streams.producer import Batch

log = structlog.get_logger(__name__)

_MOST_PRODUCTS = 3
_MOST_DROPPED = 5

Refresh = Callable[[Sequence[int]], Awaitable[Mapping[int, ProductCard]]]
"""From product ids to their cards as they are now, without those that no longer suit the shopper."""
Save = Callable[[str, Sequence[ProductCard], Status], Awaitable[None]]
"""Keeps the answer with its cards and how it ended."""


@dataclass(slots=True)
class State:
    """How far an answer has come. `recommended` are numbers of the offer, `dropped` counts the sentences in a
    row that did not hold; `is_heard` when the model has had its say, `is_composed` when the server spoke for
    it."""

    recommended: list[int] = field(default_factory=list[int])
    in_own_words: bool = False
    dropped: int = 0
    is_heard: bool = False
    is_composed: bool = False
    has_ended: bool = False

    @property
    def is_enough(self) -> bool:
        """Whether enough was recommended, or the model has lost its way."""
        return len(self.recommended) >= _MOST_PRODUCTS or self.dropped >= _MOST_DROPPED


class AnswerProducer:
    """One answer: the offer, those sentences of the model that hold, what the server adds, the ending.

    `on_usage` is told the model's tokens at the end, however it comes. With a `past` the answer has begun
    elsewhere; `is_open` when its opening chunks are stored.
    """

    def __init__(
        self,
        engine: Engine,
        plan: AnswerPlan,
        *,
        refresh: Refresh,
        save: Save,
        on_usage: Callable[[Usage], None] = lambda _usage: None,
        past: Past | None = None,
        is_open: bool = False,
    ) -> None:
        self._engine = engine
        self._plan = plan
        self._offer = plan.offer
        self._writer = plan.writer
        self._refresh = refresh
        self._save = save
        self._on_usage: Callable[[Usage], None] | None = on_usage
        self._past = past
        self._is_open = is_open
        self._memo = MemoWriter()
        self._splitter = SentenceSplitter(plan.request.answer_prefix)
        self._verifier = Verifier(plan.offer.cards)
        self._answer = ""
        self._state = State()
        self._usage = Usage(0, 0)
        self._is_saved = False
        if past:
            self._recall(past)

    def _recall(self, past: Past) -> None:
        """Come to where the answer was left, without a word: what was said then is not weighed anew."""
        for line in past.lines:
            self._answer += line["said"]
            self._state = State(**line["state"])
            for event in pieces(line):
                for raw in self._sentences_of(event):
                    self._verifier.check(raw)
        [begun] = past.choices
        self._usage = begun.usage or self._usage
        self._state.is_heard |= begun.finish_reason is not None

    @property
    def plan(self) -> str:
        return self._plan.json()

    async def events(self) -> AsyncGenerator[Batch]:
        offer, state = self._offer, self._state
        if state.has_ended:  # all was said: only the turn's own state is still to be stored
            return
        if not self._is_open:
            yield self._batch(
                [offer.opening + "\n\n"],
                self._writer.opening(
                    conversation_id=offer.conversation_id,
                    understood=offer.understood,
                    relaxed=list(offer.relaxed),
                ),
                products=_wire(offer.cards),
            )
        if offer.cards and not (state.is_heard or state.is_enough):
            async with aclosing(self._model_words()) as words:
                async for texts in words:
                    yield self._batch(texts)
        state.is_heard = True
        if offer.cards and not (state.recommended or state.is_composed):
            texts, state.is_composed = await self._composed(), True
            yield self._batch(texts)
        cards = await self._present_cards()
        changed = {} if cards == list(offer.cards) else {"products": _wire(cards)}
        await self._save_whole(cards)
        self._tell_usage()
        state.has_ended, composed = True, not state.in_own_words
        ending = self._writer.ending("", FinishReason.STOP, self._usage, composed=composed, **changed)
        yield replace(self._batch([], *ending), is_last=True)

    def _batch(self, texts: Sequence[str], *chunks: str, **own: Any) -> Batch:
        """Chunks that say the texts, behind those given."""
        said = [self._writer.content(text, **own) for text in texts]
        self._answer += "".join(texts)
        memo = self._memo.line(said="".join(texts), state=asdict(self._state))
        return Batch([*chunks, *said], memo)

    def abandon(self) -> None:
        """The end of its events gave back all that it held."""

    def _tell_usage(self) -> None:
        """Once; who only hands over leaves it to the next producer."""
        tell, self._on_usage = self._on_usage, None
        if tell:
            tell(self._usage)

    async def last_words(self, error: Exception | None) -> Sequence[str]:
        self._tell_usage()
        if not self._is_saved:
            status: Status = "failed" if error else "cancelled"
            try:
                await self._save(self._answer, self._offer.cards, status)
            except Exception:  # the reader hears of the failure all the same
                log.exception("an answer could not be stored")
        return self._writer.failure(error)

    async def _save_whole(self, cards: Sequence[ProductCard]) -> None:
        """A cancel that comes while the answer is being stored comes too late."""
        saving = asyncio.ensure_future(self._save(self._answer, cards, "complete"))
        with suppress(asyncio.CancelledError):
            await asyncio.wait([saving])
        await saving
        self._is_saved = True

    async def _model_words(self) -> AsyncGenerator[list[str]]:
        """The model's sentences that hold; a note instead when the model is unavailable."""
        try:
            generation = await self._generation()
            try:
                async for texts in self._sentences(generation):
                    yield texts
            finally:
                generation.close()
        except WarungError as error:
            log.warning("answering without the model", error=error.message)
            self._state.is_heard = True
            yield [phrases.say("no_model", self._offer.language) + "\n"]

    async def _generation(self) -> Generation:
        request = self._plan.request
        if self._past is None:
            return await self._begin(request)
        # A name of its own: the engine may not have heard yet that the former producer is gone.
        request = replace(request, id=f"{request.id}~{secrets.token_hex(4)}")
        await require_version(self._engine, self._past.version)
        [begun] = self._past.choices
        return await patiently(lambda: go_on(self._engine, request, begun))

    async def _begin(self, request: GenerationRequest) -> Generation:
        """Where the model can't be made to begin with a reference, it may find the way by itself."""
        try:
            return await self._engine.submit(request)
        except InvalidInput as error:
            if error.field != Feature.CONTINUATION:
                raise
        self._splitter = SentenceSplitter("")
        return await self._engine.submit(replace(request, answer_prefix=""))

    async def _sentences(self, generation: Generation) -> AsyncGenerator[list[str]]:
        """The sentences that hold, step by step, until enough was said or the model lost its way."""
        async for event in generation:
            self._usage = event.usage
            self._memo.version = self._memo.version or await self._engine.version()
            self._memo.add(0, event)
            if texts := [text async for text in self._vouched_of(event)]:
                yield texts
            if self._state.is_enough:
                return

    def _sentences_of(self, event: TokenEvent) -> list[str]:
        return self._splitter.feed(event.text, last=event.finish_reason is FinishReason.STOP)

    async def _vouched_of(self, event: TokenEvent) -> AsyncGenerator[str]:
        for raw in self._sentences_of(event):
            text = await self._vouched(raw)
            self._state.dropped = 0 if text else self._state.dropped + 1
            if text:
                yield text
            if self._state.is_enough:
                return

    async def _vouched(self, raw: str) -> str:
        """The sentence with the facts put in, or nothing when it or a product in it doesn't hold now."""
        sentence = self._verifier.check(raw)
        if sentence is None:
            log.debug("dropped what could not be verified", sentence=raw)
            return ""
        return await self._with_facts(sentence)

    async def _with_facts(self, sentence: Sentence) -> str:
        cards = {number: self._offer.cards[number - 1] for number in sentence.references}
        fresh = await self._refresh([card.id for card in cards.values()])
        if len(fresh) < len(cards):
            return ""
        self._state.recommended = sorted({*self._state.recommended, *cards})
        if sentence.is_pick:
            return phrases.line(fresh[next(iter(cards.values())).id], self._offer.language) + "\n"
        self._state.in_own_words = True
        labels = {
            number: phrases.label(fresh[card.id], self._offer.language) for number, card in cards.items()
        }
        text = replace_references(sentence, labels)
        return f"- {text}\n" if cards else f"{text}\n"

    async def _composed(self) -> list[str]:
        """The next products in the server's own words; the opening named the first."""
        cards = (await self._present_cards())[1 : 1 + _MOST_PRODUCTS]
        return [phrases.line(card, self._offer.language) + "\n" for card in cards]

    async def _present_cards(self) -> list[ProductCard]:
        """The offer as it is now: today's price and stock, and nothing that no longer suits."""
        fresh = await self._refresh([card.id for card in self._offer.cards])
        return [
            fresh[card.id].model_copy(update={"score": card.score})
            for card in self._offer.cards
            if card.id in fresh
        ]


def _wire(cards: Sequence[ProductCard]) -> list[dict[str, Any]]:
    return [card.model_dump() for card in cards]
