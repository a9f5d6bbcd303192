"""Whoever ends an answer tells what the model took for it, once."""

from collections.abc import Mapping, Sequence

from assistant.cards import card
from warung.assistant.plan import AnswerPlan, Offer
from warung.assistant.producer import AnswerProducer
from warung.conversations.message import Status
from warung.engine.request import ChatMessage, GenerationRequest, SamplingParams, Usage
from warung.engine.scripted import scripted_engine
from warung.products.cards import ProductCard
from warung.search.request import SearchRequest

CARDS = (card(1, "Laptop Asus"), card(2, "Laptop Acer"))


def producer(told: list[Usage], cards: tuple[ProductCard, ...] = CARDS) -> AnswerProducer:
    async def refresh(_ids: Sequence[int]) -> Mapping[int, ProductCard]:
        return {card.id: card for card in cards}

    async def save(_content: str, _cards: Sequence[ProductCard], _status: Status) -> None:
        return None

    plan = AnswerPlan(
        GenerationRequest(
            "chatcmpl-1", [ChatMessage("user", "laptop")], SamplingParams(max_tokens=32, temperature=0), "- ["
        ),
        Offer({}, "Ada 2.", cards, "conversation-1"),
        SearchRequest("laptop"),
        "guest:1",
        "scripted",
        "session-a",
        1_800_000_000,
    )
    engine = scripted_engine(lambda _prompt: "2] cocok untuk laptop.\n- [1] cocok untuk laptop.\n")
    return AnswerProducer(engine, plan, refresh=refresh, save=save, on_usage=told.append)


async def test_a_whole_answer_tells_what_its_reader_is_told() -> None:
    told: list[Usage] = []
    made = producer(told)
    batches = [batch async for batch in made.events()]
    await made.last_words(OSError("its end could not be stored"))
    assert len(told) == 1
    assert f'"completion_tokens":{told[0].completion_tokens}' in batches[-1].data[0].replace(" ", "")
    assert told[0].completion_tokens > 0


async def test_one_that_is_cancelled_tells_what_it_has_taken() -> None:
    told: list[Usage] = []
    made = producer(told)
    events = made.events()
    for _ in range(2):
        await anext(events)
    await events.aclose()
    assert told == []
    await made.last_words(None)
    assert len(told) == 1
    assert told[0].completion_tokens > 0


async def test_who_leaves_it_to_another_tells_nothing() -> None:
    told: list[Usage] = []
    made = producer(told)
    events = made.events()
    await anext(events)
    await events.aclose()
    made.abandon()
    assert told == []


async def test_an_answer_without_the_model_took_nothing() -> None:
    told: list[Usage] = []
    made = producer(told, ())
    assert [batch async for batch in made.events()]
    assert told == [Usage(0, 0)]
