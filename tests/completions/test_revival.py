import asyncio
import json

import pytest

from completions.cut import cut_after
from warung.completions.revival import Revivals, patiently, require_version
from warung.engine.engine import EngineUnavailable
from warung.engine.scripted import MODEL_ID, scripted_engine
from warung.errors import TooManyRequests
from warung.streams.errors import Interrupted
from warung.streams.producer import Producer
from warung.streams.store import Claim


class Reached(Exception):
    """The plan came to whom it was for."""


def reach(claim: Claim) -> Producer:
    raise Reached(claim.plan)


@pytest.fixture
def revivals() -> Revivals:
    made = Revivals()
    made.register("story", reach)
    return made


async def test_a_plan_comes_to_who_knows_its_kind(revivals: Revivals) -> None:
    with pytest.raises(Reached, match="kind"):
        await revivals.revive(cut_after([], '{"kind": "story"}'))


@pytest.mark.parametrize("plan", ["", "{", "[]", '"story"', "{}", '{"kind": "song"}', '{"kind": []}'])
async def test_a_plan_that_cannot_be_read_interrupts_the_turn(revivals: Revivals, plan: str) -> None:
    claim = cut_after([], plan)
    with pytest.raises(Interrupted) as caught:
        await revivals.revive(claim)
    failure, done = revivals.give_up(claim, caught.value)
    assert (json.loads(failure)["error"]["code"], done) == ("interrupted", "[DONE]")
    assert json.loads(failure)["warung"]["session_id"] == claim.session.id


@pytest.mark.parametrize("version", ["", MODEL_ID])
async def test_an_answer_goes_on_with_the_weights_that_began_it(version: str) -> None:
    engine = scripted_engine()
    await require_version(engine, version)
    with pytest.raises(Interrupted, match="another model"):
        await require_version(engine, "weights-1")
    await engine.close()


async def test_a_full_engine_is_asked_again() -> None:
    refusals = [TooManyRequests("full"), TooManyRequests("full")]

    async def submit() -> str:
        if refusals:
            raise refusals.pop()
        return "accepted"

    async with asyncio.timeout(20):
        assert await patiently(submit, wait_seconds=0) == "accepted"


async def test_an_engine_that_fails_is_not_asked_again() -> None:
    async def submit() -> str:
        raise EngineUnavailable("broken")

    with pytest.raises(EngineUnavailable, match="broken"):
        await patiently(submit)
