"""An answer of the assistant that is cut after any of its batches goes on to the same end."""

from collections.abc import Mapping, Sequence

import pytest

from assistant.cards import card
from completions.cut import cut_after, data_of, told_by
from warung.assistant.plan import AnswerPlan, Offer
from warung.assistant.producer import AnswerProducer
from warung.assistant.prompts import ANSWER_PREFIX
from warung.completions.memo import Past
from warung.conversations.message import Status
from warung.engine.engine import Engine
from warung.engine.request import ChatMessage, GenerationRequest, SamplingParams
from warung.engine.scripted import scripted_engine
from warung.geo import Circle, Coordinates
from warung.products.cards import ProductCard
from warung.search.request import SearchRequest
from warung.search.vocabulary import Sort
from warung.streams.producer import Batch
from warung.streams.store import Claim

CARDS = tuple(card(number, f"Laptop Nomor {number}", "ringan, cepat, layar terang") for number in range(1, 6))
THREE = "1] ringan dan cepat.\n- [2] layar terang. [2] ringan.\n- [3] cepat.\n- [4] ringan.\n"
TWO = "1] ringan.\n- [2] seharga Rp 1!\n- [2] cepat, buat [9].\nSemoga membantu."
LOST = "7] ringan.\n" + "".join(f"Harganya {number} rupiah.\n" for number in range(8))


class Desk:
    """Answers the same question again and again, and keeps what is stored of each."""

    def __init__(self, engine: Engine, max_tokens: int = 400) -> None:
        self.engine = engine
        self.stored: list[tuple[str, tuple[int, ...], Status]] = []
        messages = [ChatMessage("user", "laptop")]
        sampling = SamplingParams(max_tokens=max_tokens, temperature=0)
        self.plan = AnswerPlan(
            GenerationRequest("chatcmpl-1", messages, sampling, ANSWER_PREFIX, tenant="guest:1"),
            Offer({"text": "laptop", "place": None}, "Ada 5 laptop.", CARDS, "conversation-1"),
            SearchRequest(
                "laptop",
                near=Coordinates(-6.2, 106.8),
                area=Circle(Coordinates(-6, 107), 5),
                sort=Sort.DISTANCE,
            ),
            "guest:1",
            "scripted",
            "session-a",
            1_800_000_000,
        )

    async def refresh(self, ids: Sequence[int]) -> Mapping[int, ProductCard]:
        return {one.id: one for one in CARDS if one.id in ids}

    async def save(self, content: str, cards: Sequence[ProductCard], status: Status) -> None:
        self.stored.append((content, tuple(one.id for one in cards), status))

    def begin(self) -> AnswerProducer:
        return AnswerProducer(self.engine, self.plan, refresh=self.refresh, save=self.save)

    def revive(self, claim: Claim) -> AnswerProducer:
        return AnswerProducer(
            self.engine,
            AnswerPlan.from_json(claim.plan),
            refresh=self.refresh,
            save=self.save,
            past=Past.of(claim.memos),
            is_open=claim.session.next_index > claim.session.turn_index,
        )


@pytest.mark.parametrize(
    ("said", "max_tokens", "named"), [(THREE, 400, 3), (TWO, 400, 2), (LOST, 400, 3), (THREE, 30, 1)]
)
async def test_the_rest_is_the_same_wherever_it_was_cut(said: str, max_tokens: int, named: int) -> None:
    engine = scripted_engine(lambda _prompt: said)
    desk = Desk(engine, max_tokens)
    producer = desk.begin()
    whole = await told_by(producer)
    assert desk.stored[0][0].count("**Laptop Nomor") == named
    for cut in range(len(whole) + 1):
        rest = desk.revive(cut_after(whole[:cut], producer.plan))
        assert data_of(await told_by(rest)) == data_of(whole[cut:]), cut
    # Who comes after the very last batch has nothing left to store.
    assert desk.stored == [desk.stored[0]] * (len(whole) + 1)
    assert engine.state().running == 0
    await engine.close()


async def test_what_went_on_can_be_cut_again() -> None:
    desk = Desk(scripted_engine(lambda _prompt: TWO))
    producer = desk.begin()
    whole = await told_by(producer)
    told: list[Batch] = []
    while len(told) < len(whole):
        told += (await told_by(desk.revive(cut_after(told, producer.plan))))[:1]
    assert data_of(told) == data_of(whole)
    await desk.engine.close()


async def test_an_answer_of_another_model_ends_in_the_servers_own_words() -> None:
    desk = Desk(scripted_engine(lambda _prompt: TWO))
    producer = desk.begin()
    whole = await told_by(producer)
    begun = [Batch(batch.data, batch.memo.replace('"scripted"', '"weights-2"')) for batch in whole[:2]]
    rest = await told_by(desk.revive(cut_after(begun, producer.plan)))
    note, *_, done = data_of(rest)
    assert "Penjaga warung" in note
    assert done == "[DONE]"
    assert desk.stored[-1][2] == "complete"
    await desk.engine.close()


async def test_an_answer_that_is_cancelled_after_a_takeover_is_stored_with_all_that_was_said() -> None:
    desk = Desk(scripted_engine(lambda _prompt: TWO))
    producer = desk.begin()
    whole = await told_by(producer)
    rest = desk.revive(cut_after(whole[:2], producer.plan))
    assert await rest.last_words(None)
    content, _, status = desk.stored[-1]
    assert (status, content) == ("cancelled", desk.stored[0][0][: len(content)])
    assert "Nomor 1" in content
    await desk.engine.close()


@pytest.mark.parametrize("text", ["", "{}", '{"kind": "completion"}'])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="AnswerPlan"):
        AnswerPlan.from_json(text)


def test_a_plan_comes_back_as_it_was() -> None:
    plan = Desk(scripted_engine()).plan
    assert AnswerPlan.from_json(plan.json()) == plan
