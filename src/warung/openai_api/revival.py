"""Goes on with a completion whose producer is gone."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from warung.analytics.recorder import Recorder
from warung.completions.memo import Past
from warung.completions.revival import patiently, require_version
from warung.engine.choices import Choices
from warung.engine.engine import Engine
from warung.engine.request import GenerationRequest, TokenEvent
from warung.openai_api.plan import ROUTE, CompletionPlan
from warung.openai_api.producer import CompletionProducer
from warung.streams.store import Claim


def revive(engine: Engine, claim: Claim, recorder: Recorder | None = None) -> CompletionProducer:
    """The rest of a completion. Raises ValueError for a plan or a memo that is none."""
    plan = CompletionPlan.from_json(claim.plan)
    past = Past.of(claim.memos, plan.count)
    # A name of its own: the engine may not have heard yet that the former producer is gone.
    request = replace(plan.request, id=f"{plan.request.id}~{claim.lease.epoch}")
    return CompletionProducer(
        Rest(engine, request, past),
        plan,
        version=engine.version,
        on_usage=partial((recorder or Recorder()).used, plan.request.tenant, ROUTE),
        past=past,
        is_open=claim.session.next_index > claim.session.turn_index,
    )


class Rest:
    """The rest of the choices; they are submitted when they are first read."""

    def __init__(self, engine: Engine, request: GenerationRequest, past: Past) -> None:
        self._engine = engine
        self._request = request
        self._past = past
        self._choices: Choices | None = None

    async def events(self) -> AsyncGenerator[tuple[int, TokenEvent]]:
        await require_version(self._engine, self._past.version)
        begun = self._past.choices
        self._choices = await patiently(lambda: Choices.go_on(self._engine, self._request, begun))
        async with aclosing(self._choices.events()) as events:
            async for pair in events:
                yield pair

    def close(self) -> None:
        if self._choices:
            self._choices.close()
