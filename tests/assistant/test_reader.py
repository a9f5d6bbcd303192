"""What a real model makes of a message; the small one speaks English only, and not well."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from marketplace import shop_settings
from warung.assistant.reader import Reader
from warung.assistant.reading import Offer
from warung.engine.build import build_engine
from warung.engine.engine import Engine, EngineStatus
from warung.engine.request import Usage
from warung.gazetteer.places import Gazetteer
from warung.options import engine_options
from warung.products.categories import load_categories
from warung.search.query import QueryParser

GAZETTEER = Gazetteer.load()
PARSER = QueryParser(GAZETTEER, load_categories())


@pytest.fixture
async def engine(model_file: Path, tmp_path: Path) -> AsyncGenerator[Engine]:
    settings = shop_settings(tmp_path, engine="openvino", model_repo_id=str(model_file))
    engine = build_engine(engine_options(settings))
    await engine.version()  # which it has when it is loaded
    assert engine.state().status is EngineStatus.READY
    yield engine
    await engine.close()


async def test_the_real_model_answers_within_the_offer(engine: Engine) -> None:
    message, used = "wirelessphone zxqv batu 2000000", list[Usage]()
    offer = Offer(message, PARSER.parse(message), ["wirelessphone", "zxqv"], GAZETTEER)
    quotes = offer.quotes()
    assert quotes["place"] == ["batu"]
    claims = await Reader(engine, within_seconds=100).read(message, quotes, "guest:1", used.append)
    assert used[0].completion_tokens > 5
    assert claims
    for claim in claims:
        assert claim.quote in quotes[claim.field]
    understood, held = offer.apply(claims)
    assert held
    assert understood.max_price_rupiah in (None, 2_000_000)
    assert understood.min_price_rupiah in (None, 2_000_000)
