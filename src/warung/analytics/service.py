"""What is kept and told of the shop's use; knows no route and no thread."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from warung.analytics.events import Clicked, Event, Searched, Shown, Used
from warung.analytics.repository import AnalyticsRepository
from warung.analytics.schemas import Period, ProductViews, SearchDay, Term, TokenUsage
from warung.database.session import Database
from warung.database.types import utc_now
from warung.products.service import ProductService


class AnalyticsService:
    """Keeps the latest `days` days, today among them."""

    def __init__(
        self,
        database: Database,
        products: ProductService,
        *,
        days: int = 90,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._products = products
        self._days = days
        self._clock = clock
        self._tidied_on: date | None = None

    def write(self, events: Sequence[Event]) -> None:
        """Store them all, or none; with the first ones of a day, forget what is too old."""
        searches = [event for event in events if isinstance(event, Searched)]
        usage = [event for event in events if isinstance(event, Used)]
        views = _count(events)
        today = self._clock().date()
        with self._database.transaction() as session:
            repository = AnalyticsRepository(session)
            if searches:
                repository.add_searches(searches)
            if usage:
                repository.add_usage(usage)
            if views:
                repository.count_views(views)
            if self._tidied_on != today:
                repository.forget_before(today - timedelta(days=self._days - 1))
        self._tidied_on = today

    def searches(self, period: Period) -> list[SearchDay]:
        with self._database.reading() as session:
            items = AnalyticsRepository(session).searches(period.since, period.until, period.limit)
            return [SearchDay.model_validate(dict(item)) for item in items]

    def terms(self, period: Period, *, only_empty: bool = False) -> list[Term]:
        """The most frequent first; with `only_empty` by how often nothing was found, those with anything."""
        with self._database.reading() as session:
            repository = AnalyticsRepository(session)
            items = repository.terms(period.since, period.until, period.limit, only_empty=only_empty)
            return [Term.model_validate(dict(item)) for item in items]

    def products(self, period: Period) -> list[ProductViews]:
        with self._database.reading() as session:
            items = AnalyticsRepository(session).products(period.since, period.until, period.limit)
        known = self._products.find([item["product_id"] for item in items])
        names = {product_id: product.name for product_id, product in known.items()}
        return [ProductViews.of(**item, name=names.get(item["product_id"])) for item in items]

    def usage(self, period: Period) -> list[TokenUsage]:
        with self._database.reading() as session:
            items = AnalyticsRepository(session).usage(period.since, period.until, period.limit)
            return [TokenUsage.model_validate(dict(item)) for item in items]


def _count(events: Sequence[Event]) -> dict[tuple[date, int], tuple[int, int]]:
    counts: defaultdict[tuple[date, int], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for event in events:
        if isinstance(event, Shown):
            for product_id in event.product_ids:
                shown, clicked = counts[event.day, product_id]
                counts[event.day, product_id] = shown + 1, clicked
        elif isinstance(event, Clicked):
            shown, clicked = counts[event.day, event.product_id]
            counts[event.day, event.product_id] = shown, clicked + 1
    return counts
