"""Asks the model what it makes of a message, in constrained JSON and within a time; knows no search."""

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from pydantic import BaseModel, TypeAdapter

from warung.assistant.reading import Claim, Field
from warung.engine.constraint import JsonSchema
from warung.engine.engine import Engine, EngineStatus
from warung.engine.features import Feature
from warung.engine.request import ChatMessage, GenerationRequest, SamplingParams, Usage
from warung.errors import WarungError
from warung.products.categories import load_categories

log = structlog.get_logger(__name__)

_MAX_TOKENS = 160
_TASK = """\
You read what a shopper writes to an Indonesian marketplace, and tell which filters it sets.
Answer in JSON. For each filter quote the shopper's own words, or write null where nothing sets it.
- category: what kind of goods is wanted, one of:
{categories}
- min_price, max_price: the least and the most that it may cost
- place: where the seller should be"""


class _Choice(BaseModel):
    quote: str
    value: str | None = None


_CHOICES = TypeAdapter(dict[Field, _Choice | None])


class Reader:
    """`within_seconds` is what an answer may take; with 0 the model is never asked."""

    def __init__(self, engine: Engine, within_seconds: float) -> None:
        self._engine = engine
        self._within_seconds = within_seconds

    async def read(
        self,
        message: str,
        quotes: Mapping[Field, Sequence[str]],
        owner: str,
        on_usage: Callable[[Usage], None],
    ) -> list[Claim]:
        """What the model says; nothing when it isn't loaded, can't write JSON, fails or is too slow."""
        if not (quotes and self._is_able()):
            return []
        request = GenerationRequest(
            f"reading-{secrets.token_hex(8)}",
            [ChatMessage("system", _task()), ChatMessage("user", message)],
            SamplingParams(_MAX_TOKENS, temperature=0, constraint=JsonSchema(_schema(quotes))),
            tenant=owner,
        )
        try:
            async with asyncio.timeout(self._within_seconds):
                text = await self._text(request, on_usage)
            choices = _CHOICES.validate_json(text)
        except (WarungError, TimeoutError, ValueError) as error:
            log.info("the rules' reading stands alone", error=str(error) or "too slow")
            return []
        return [Claim(field, choice.quote, choice.value) for field, choice in choices.items() if choice]

    def _is_able(self) -> bool:
        """Without waiting for it: a model that isn't loaded begins to load, for the next question."""
        if not self._within_seconds or Feature.JSON not in self._engine.features:
            return False
        status = self._engine.state().status
        if status is EngineStatus.IDLE:
            self._engine.start()
        return status is EngineStatus.READY

    async def _text(self, request: GenerationRequest, on_usage: Callable[[Usage], None]) -> str:
        generation = await self._engine.submit(request)
        text, usage = "", Usage(0, 0)
        try:
            async for event in generation:
                text, usage = text + event.text, event.usage
        finally:
            generation.close()
            on_usage(usage)
        return text


def _task() -> str:
    listed = "\n".join(f"  {category.slug}: {category.name}" for category in load_categories())
    return _TASK.format(categories=listed)


def _schema(quotes: Mapping[Field, Sequence[str]]) -> str:
    """An object of the open fields, each null or one of its quotes."""
    fields: dict[str, Any] = {}
    for field, allowed in quotes.items():
        parts: dict[str, Any] = {"quote": {"enum": list(allowed)}}
        if field == "category":
            parts["value"] = {"enum": [category.slug for category in load_categories()]}
        choice = _object(parts)
        fields[field] = {"anyOf": [choice, {"type": "null"}]}
    return json.dumps(_object(fields))


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
