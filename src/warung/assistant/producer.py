"""Makes the events of one answer: what was found, then those words of the model that can be vouched for."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

import structlog

from warung.assistant import phrases
from warung.assistant.grounding import Sentence, Verifier, replace_references
from warung.assistant.sentences import SentenceSplitter
from warung.completions.chunk import ChunkWriter
from warung.conversations.message import Status
from warung.engine.engine import Engine, Generation
from warung.engine.request import FinishReason, GenerationRequest, Usage
from warung.errors import WarungError
from warung.products.cards import ProductCard
from warung.streams.producer import Batch

log = structlog.get_logger(__name__)

_MOST_PRODUCTS = 3
_MOST_DROPPED = 5

Refresh = Callable[[Sequence[int]], Awaitable[Mapping[int, ProductCard]]]
"""From product ids to their cards as they are now, without those that no longer suit the shopper."""
Save = Callable[[str, Sequence[ProductCard], Status], Awaitable[None]]
"""Keeps the answer with its cards and how it ended."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What was found for a question, before the model says anything about it."""

    understood: Mapping[str, Any]
    opening: str
    cards: tuple[ProductCard, ...]
    conversation_id: str


class AnswerProducer:
    def __init__(
        self,
        engine: Engine,
        request: GenerationRequest,
        offer: Offer,
        writer: ChunkWriter,
        *,
        refresh: Refresh,
        save: Save,
    ) -> None:
        self._engine = engine
        self._request = request
        self._offer = offer
        self._writer = writer
        self._refresh = refresh
        self._save = save
        self._verifier = Verifier(offer.cards)
        self._answer = ""
        self._recommended: set[int] = set()
        self._in_own_words = False
        self._usage = Usage(0, 0)
        self._is_saved = False

    async def events(self) -> AsyncGenerator[Batch]:
        offer = self._offer
        opening = [
            self._writer.opening(conversation_id=offer.conversation_id, understood=offer.understood),
            self._writer.content(self._say(offer.opening + "\n\n"), products=_wire(offer.cards)),
        ]
        yield Batch(opening)
        if offer.cards:
            async with aclosing(self._model_words()) as words:
                async for text in words:
                    yield Batch([self._writer.content(self._say(text))])
            if not self._recommended:
                yield Batch([self._writer.content(self._say(text)) for text in await self._composed()])
        cards = await self._present_cards()
        changed = {} if cards == list(offer.cards) else {"products": _wire(cards)}
        composed = not self._in_own_words
        await self._save_whole(cards)
        yield Batch(self._writer.ending("", FinishReason.STOP, self._usage, composed=composed, **changed))

    @property
    def plan(self) -> str:
        return ""

    def abandon(self) -> None:
        """The end of its events gave back all that it held."""

    async def last_words(self, error: Exception | None) -> Sequence[str]:
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

    async def _model_words(self) -> AsyncGenerator[str]:
        """The model's sentences that hold; a note instead when the model is unavailable."""
        try:
            generation = await self._engine.submit(self._request)
            try:
                async for text in self._sentences(generation):
                    yield text
            finally:
                generation.close()
        except WarungError as error:
            log.warning("answering without the model", error=error.message)
            yield phrases.NO_MODEL + "\n"

    async def _sentences(self, generation: Generation) -> AsyncGenerator[str]:
        """The sentences that hold, until enough was recommended or the model lost its way."""
        splitter = SentenceSplitter(self._request.answer_prefix)
        dropped = 0
        async for event in generation:
            self._usage = event.usage
            for raw in splitter.feed(event.text, last=event.finish_reason is FinishReason.STOP):
                text = await self._vouched(raw)
                dropped = 0 if text else dropped + 1
                if text:
                    yield text
                if len(self._recommended) >= _MOST_PRODUCTS or dropped >= _MOST_DROPPED:
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
        self._recommended.update(cards)
        if sentence.is_pick:
            return phrases.line(fresh[next(iter(cards.values())).id]) + "\n"
        self._in_own_words = True
        labels = {number: phrases.label(fresh[card.id]) for number, card in cards.items()}
        text = replace_references(sentence, labels)
        return f"- {text}\n" if cards else f"{text}\n"

    async def _composed(self) -> list[str]:
        """The next products in the server's own words; the opening named the first."""
        return [phrases.line(card) + "\n" for card in (await self._present_cards())[1 : 1 + _MOST_PRODUCTS]]

    async def _present_cards(self) -> list[ProductCard]:
        """The offer as it is now: today's price and stock, and nothing that no longer suits."""
        fresh = await self._refresh([card.id for card in self._offer.cards])
        return [
            fresh[card.id].model_copy(update={"score": card.score})
            for card in self._offer.cards
            if card.id in fresh
        ]

    def _say(self, text: str) -> str:
        self._answer += text
        return text


def _wire(cards: Sequence[ProductCard]) -> list[dict[str, Any]]:
    return [card.model_dump() for card in cards]
