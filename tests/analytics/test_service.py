from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from marketplace import add_products, add_supplier, product_draft
from warung.analytics.events import Clicked, Event, Searched, Shown, Used
from warung.analytics.schemas import Period, ProductViews, SearchDay, Term, TokenUsage
from warung.analytics.service import AnalyticsService
from warung.conversations.models import ConversationRow
from warung.conversations.service import ConversationService
from warung.database.migrate import migrate
from warung.database.session import Database
from warung.products.service import ProductService

TODAY = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)
LAST = TODAY.date()


class Clock:
    now = TODAY

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def analytics(database: Database, clock: Clock) -> AnalyticsService:
    return AnalyticsService(database, ProductService(database), days=30, clock=clock)


def period(days: int = 30, limit: int = 100) -> Period:
    return Period(since=LAST - timedelta(days=days - 1), until=LAST, limit=limit)


def searched(term: str, total: int = 3, days_ago: int = 0, **values: Any) -> Searched:
    fields: dict[str, Any] = {"owner": "guest:1", "text": term, "understood": "", "place": None, **values}
    return Searched(at=TODAY - timedelta(days=days_ago), term=term, total=total, **fields)


def test_searches_are_counted_by_day_and_term(analytics: AnalyticsService) -> None:
    analytics.write(
        [
            searched("laptop", days_ago=2),
            searched("laptop"),
            searched("laptop", 0),
            searched("kulkas", 0, owner=None),
            searched("kulkas", 0, place="Bandung"),
            searched("kopi"),
            searched(""),
        ]
    )
    assert analytics.searches(period()) == [
        SearchDay(day=LAST, searches=6, without_results=3),
        SearchDay(day=LAST - timedelta(days=2), searches=1, without_results=0),
    ]
    assert analytics.terms(period()) == [
        Term(term="laptop", searches=3, without_results=1),
        Term(term="kulkas", searches=2, without_results=2),
        Term(term="kopi", searches=1, without_results=0),
    ]
    assert [term.term for term in analytics.terms(period(), only_empty=True)] == ["kulkas", "laptop"]
    assert analytics.searches(period(1, limit=1))[0].searches == 6
    assert [term.searches for term in analytics.terms(period(limit=1))] == [3]
    assert analytics.searches(Period(since=LAST + timedelta(days=1), until=date.max, limit=9)) == []


def test_views_add_up_by_product(analytics: AnalyticsService, database: Database) -> None:
    add_products(database, add_supplier(database, "a"), product_draft("1", "Laptop"))
    before = LAST - timedelta(days=1)
    analytics.write([Shown(LAST, (1, 2)), Shown(LAST, (1,)), Clicked(LAST, 1), Clicked(LAST, 7)])
    analytics.write([Shown(before, (1,)), Shown(LAST, (1,)), Clicked(LAST, 1)])
    assert analytics.products(period()) == [
        ProductViews(product_id=1, name="Laptop", shown=4, clicked=2, rate=0.5),
        ProductViews(product_id=2, name=None, shown=1, clicked=0, rate=0.0),
        ProductViews(product_id=7, name=None, shown=0, clicked=1, rate=None),
    ]
    assert analytics.products(period(1, limit=1))[0].shown == 3


def test_tokens_are_summed_by_owner_and_day(analytics: AnalyticsService) -> None:
    def used(owner: str, tokens: int, days_ago: int = 0) -> Event:
        return Used(TODAY - timedelta(days=days_ago), owner, "/api/chat", 2 * tokens, tokens)

    analytics.write([used("key:a", 5), used("user:1", 2**40), used("key:a", 7), used("key:a", 1, 3)])
    assert analytics.usage(period()) == [
        TokenUsage(day=LAST, owner="user:1", answers=1, prompt_tokens=2**41, completion_tokens=2**40),
        TokenUsage(day=LAST, owner="key:a", answers=2, prompt_tokens=24, completion_tokens=12),
        TokenUsage(
            day=LAST - timedelta(days=3), owner="key:a", answers=1, prompt_tokens=2, completion_tokens=1
        ),
    ]


def test_what_is_too_old_is_forgotten_once_a_day(analytics: AnalyticsService, clock: Clock) -> None:
    old = LAST - timedelta(days=29)
    usage = Used(TODAY - timedelta(days=29), "key:a", "/api/chat", 1, 1)
    analytics.write([searched("lama", days_ago=29), searched("baru"), Shown(old, (1,)), usage])
    assert len(analytics.terms(period())) == 2
    clock.now += timedelta(days=1)
    analytics.write([searched("baru")])
    assert [term.term for term in analytics.terms(period())] == ["baru"]
    assert (analytics.products(period()), analytics.usage(period())) == ([], [])


def test_what_no_database_can_store_is_no_hindrance(analytics: AnalyticsService) -> None:
    analytics.write([searched("\0lap\ud800top" + "x" * 600, understood="y" * 900, owner="z" * 300)])
    [term] = analytics.terms(period())
    assert term.term == ("lap?top" + "x" * 600)[:200]


def test_conversations_are_counted_by_the_day_they_began(database: Database) -> None:
    yesterday = datetime(2026, 3, 9, 23, 59, 59, 999_999, UTC)
    moments = [yesterday, TODAY, TODAY.replace(hour=0, minute=0), TODAY - timedelta(days=40)]
    with database.transaction() as session:
        for at in moments:
            session.add(ConversationRow(owner="guest:1", session_id="s", created_at=at))
    days = ConversationService(database).by_day(period())
    assert [(item.day, item.conversations) for item in days] == [(LAST, 2), (yesterday.date(), 1)]


def test_the_tables_go_and_come_back(database_url: str) -> None:
    for revision in ("0002", "head"):
        migrate(database_url, revision)
    database = Database(database_url)
    analytics = AnalyticsService(database, ProductService(database))
    analytics.write([searched("laptop", days_ago=0)])
    database.close()
