"""Answers a shopper: understands, searches, opens the conversation and starts the stream; knows no route."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from anyio.to_thread import run_sync

from warung.accounts.guests import Caller
from warung.analytics.recorder import Recorder
from warung.assistant import phrases
from warung.assistant.language import language_of
from warung.assistant.notes import note
from warung.assistant.plan import ROUTE, AnswerPlan, Offer
from warung.assistant.producer import AnswerProducer
from warung.assistant.prompts import ANSWER_PREFIX, build_messages
from warung.assistant.schemas import ChatRequest
from warung.completions.memo import Past
from warung.completions.session import Place, join
from warung.conversations.message import Message, Status
from warung.conversations.service import ConversationService
from warung.delivery.schemas import DeliveryLevel
from warung.engine.engine import Engine
from warung.engine.request import ChatMessage, GenerationRequest, SamplingParams
from warung.errors import NotFound
from warung.geo import Coordinates
from warung.products.cards import ProductCard, product_card
from warung.products.service import ProductService
from warung.search.query import QueryParser
from warung.search.relaxation import loosen
from warung.search.request import NOTHING, SearchRequest
from warung.search.service import SearchService
from warung.search.understanding import greets, read, refined, request_for, wire
from warung.search.understood import Understood
from warung.streams.broker import Broker
from warung.streams.event import Session
from warung.streams.producer import Producer
from warung.streams.store import Claim

_CARDS = 5
_REMEMBERED_MESSAGES = 4


@dataclass(frozen=True, slots=True)
class Assistant:
    """`temperature` and `max_tokens` are those of the model's part of an answer; `levels` are the delivery
    services at this moment. `recorder` is told of questions, what they brought and what answers took."""

    engine: Engine
    broker: Broker
    parser: QueryParser
    search: SearchService
    products: ProductService
    conversations: ConversationService
    levels: Callable[[], Sequence[DeliveryLevel]] = tuple
    recorder: Recorder = field(default_factory=Recorder)
    max_tokens: int = 256
    temperature: float = 0.2

    async def ask(self, body: ChatRequest, caller: Caller, place: Place) -> Session:
        """The session in which the question is answered, begun or joined; only a begun one is counted
        against the caller's allowance.

        Raises InvalidInput, NotFound for another's conversation or session, SessionBusy, KeyReused,
        TooManyRequests, and Unavailable while the search index is being built; then nothing is stored.
        """
        here = Coordinates.parse(body.location) if body.location else caller.location

        async def open_producer() -> Producer:
            caller.spend()
            return await self._producer(body, caller.owner, place.session_id, here)

        return await join(self.broker, caller.owner, place, body, open_producer)

    async def _producer(
        self, body: ChatRequest, owner: str, session_id: str, here: Coordinates | None
    ) -> AnswerProducer:
        history = await run_sync(self._history, body.conversation_id, owner)
        understood = await run_sync(self._understand, body.message, history)
        asked = request_for(understood, here, limit=_CARDS)
        found = NOTHING if understood.is_empty else await run_sync(self.search.search, asked)
        search = loosen(asked, found.relaxed)
        conversation_id = await run_sync(
            self.conversations.ask, owner, session_id, body.message, body.conversation_id
        )
        note(self.recorder, owner, body.message, search=asked, understood=understood, found=found)
        language = language_of(body.message)
        offer = Offer(
            understood=wire(understood),
            opening=phrases.opening(understood, found, search.sort, language),
            cards=found.cards,
            conversation_id=conversation_id,
            relaxed=found.relaxed,
            language=language,
        )
        messages = build_messages(body.message, found.cards, _remembered(history))
        sampling = SamplingParams(max_tokens=self.max_tokens, temperature=self.temperature)
        completion_id = f"chatcmpl-{secrets.token_hex(12)}"

        request = GenerationRequest(completion_id, messages, sampling, ANSWER_PREFIX, tenant=owner)
        plan = AnswerPlan(request, offer, search, owner, self.engine.model_id, session_id, int(time.time()))
        return self._producer_of(plan)

    def _producer_of(
        self, plan: AnswerPlan, past: Past | None = None, *, is_open: bool = False
    ) -> AnswerProducer:
        async def refresh(ids: Sequence[int]) -> Mapping[int, ProductCard]:
            return await run_sync(self._suitable, ids, plan.search)

        async def save(content: str, shown: Sequence[ProductCard], status: Status) -> None:
            await run_sync(self._save, plan, content, shown, status)

        spent = partial(self.recorder.used, plan.owner, ROUTE)
        return AnswerProducer(
            self.engine, plan, refresh=refresh, save=save, on_usage=spent, past=past, is_open=is_open
        )

    def revive(self, claim: Claim) -> AnswerProducer:
        """The rest of an answer whose producer is gone. Raises ValueError for a plan or memo that is none."""
        plan = AnswerPlan.from_json(claim.plan)
        is_open = claim.session.next_index > claim.session.turn_index
        return self._producer_of(plan, Past.of(claim.memos), is_open=is_open)

    def _history(self, conversation_id: str | None, owner: str) -> list[Message]:
        return self.conversations.history(conversation_id, owner) if conversation_id else []

    def _understand(self, message: str, history: Sequence[Message]) -> Understood:
        """What the message means after the questions before it."""
        now = read(message, self.parser, self.search.corrections)
        if greets(now, message):
            return now
        before: Understood | None = None
        for question in (m.content for m in history if m.role == "user"):
            asked = read(question, self.parser, self.search.corrections)
            if not greets(asked, question):
                before = refined(before, asked, question) if before else asked
        return refined(before, now, message) if before else now

    def _suitable(self, ids: Sequence[int], request: SearchRequest) -> Mapping[int, ProductCard]:
        """The products' cards as they are now, without those that no longer are what was asked for."""
        low, high = request.min_price_rupiah or 0, request.max_price_rupiah
        levels = self.levels()
        return {
            product.id: product_card(product, near=request.near, levels=levels)
            for product in self.products.find(ids).values()
            if product.stock_quantity > 0
            and product.price_rupiah >= low
            and (high is None or product.price_rupiah <= high)
            and request.condition in (None, product.condition)
        }

    def _save(self, plan: AnswerPlan, content: str, cards: Sequence[ProductCard], status: Status) -> None:
        with suppress(NotFound):  # its owner has deleted the conversation meanwhile
            self.conversations.append(
                plan.offer.conversation_id,
                plan.owner,
                "assistant",
                content,
                products=[card.model_dump() for card in cards],
                status=status,
                answer_key=plan.request.id,
            )


def _remembered(history: Sequence[Message]) -> list[ChatMessage]:
    return [ChatMessage(message.role, message.content) for message in history[-_REMEMBERED_MESSAGES:]]
