"""What a live shop notes of its use."""

from collections import Counter

from sqlalchemy import select

from assistant.chat import open_shop, shopper_at
from warung.analytics.models import SearchRow
from warung.analytics.schemas import Period
from warung.analytics.service import AnalyticsService
from warung.conversations.service import ConversationService
from warung.database.session import Database
from warung.database.types import utc_now
from warung.engine.scripted import scripted_engine
from warung.products.service import ProductService
from warung.settings import Settings


def period() -> Period:
    today = utc_now().date()
    return Period(since=today.replace(year=today.year - 1), until=today, limit=100)


def test_searches_answers_and_tokens_are_noted(shop: Settings) -> None:
    with open_shop(shop, scripted_engine(lambda _prompt: "2] cocok.\n")) as url, shopper_at(url) as shopper:
        shopper.client.get("/")
        chat = shopper.ask().json()
        found = shopper.client.get("/api/products/search", params={"q": "Kopi  Gayo"}).json()
        shopper.client.get("/api/products/search", params={"q": "tidakada"})
        offers = shopper.client.get(f"/api/products/{found['products'][0]['id']}/offers").json()["items"]
        body = {"model": "scripted", "messages": [{"role": "user", "content": "halo"}]}
        completion = shopper.client.post("/v1/chat/completions", json=body).json()

    database = Database(shop.database)
    analytics = AnalyticsService(database, ProductService(database))
    [day] = analytics.searches(period())
    assert (day.searches, day.without_results) == (3, 1)
    assert {term.term for term in analytics.terms(period())} == {"laptop gaming", "kopi gayo", "tidakada"}
    assert [term.term for term in analytics.terms(period(), only_empty=True)] == ["tidakada"]
    with database.reading() as session:
        searches = session.scalars(select(SearchRow).order_by(SearchRow.id)).all()
    assert len({row.owner for row in searches}) == 1
    assert (searches[0].place, searches[0].understood) == (
        "Jakarta",
        "category=laptop max_price=10000000 in_stock=1 sort=distance",
    )
    shown = {views.product_id: views.shown for views in analytics.products(period())}
    listed = [chat["products"], found["products"], offers]
    assert shown == Counter(card["id"] for cards in listed for card in cards)
    usage = {item.owner.partition(":")[0]: item for item in analytics.usage(period())}
    assert set(usage) == {"guest", "local"}
    for told, noted in ((chat["usage"], usage["guest"]), (completion["usage"], usage["local"])):
        assert (noted.prompt_tokens, noted.completion_tokens) == (
            told["prompt_tokens"],
            told["completion_tokens"],
        )
    assert [item.conversations for item in ConversationService(database).by_day(period())] == [1]
    database.close()
