"""Writes and sums up what was noted inside its caller's transaction; knows no queue and no route."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from warung.analytics.events import Searched, Used
from warung.analytics.models import ProductViewRow, SearchRow, TokenUsageRow

Item = Mapping[Any, Any]


class AnalyticsRepository:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add_searches(self, events: Sequence[Searched]) -> None:
        rows = [
            {
                "at": event.at,
                "day": event.at.astimezone(UTC).date(),
                "owner": _fit(event.owner, 200),
                "text": _fit(event.text, 500),
                "term": _fit(event.term, 200),
                "understood": _fit(event.understood, 300),
                "total": event.total,
                "place": _fit(event.place, 200),
            }
            for event in events
        ]
        self._session.execute(insert(SearchRow), rows)

    def add_usage(self, events: Sequence[Used]) -> None:
        rows = [
            {
                "at": event.at,
                "day": event.at.astimezone(UTC).date(),
                "owner": _fit(event.owner, 200),
                "route": event.route,
                "prompt_tokens": event.prompt_tokens,
                "completion_tokens": event.completion_tokens,
            }
            for event in events
        ]
        self._session.execute(insert(TokenUsageRow), rows)

    def count_views(self, counts: Mapping[tuple[date, int], tuple[int, int]]) -> None:
        """Add (shown, clicked) to what is counted by (day, product id)."""
        dialect = postgresql if self._session.get_bind().dialect.name == "postgresql" else sqlite
        adding = dialect.insert(ProductViewRow)
        adding = adding.on_conflict_do_update(
            index_elements=[ProductViewRow.day, ProductViewRow.product_id],
            set_={
                "shown": ProductViewRow.shown + adding.excluded.shown,
                "clicked": ProductViewRow.clicked + adding.excluded.clicked,
            },
        )
        # In one order everywhere, so that no two replicas wait for each other.
        rows = [
            {"day": day, "product_id": product_id, "shown": shown, "clicked": clicked}
            for (day, product_id), (shown, clicked) in sorted(counts.items())
        ]
        self._session.execute(adding, rows)

    def forget_before(self, day: date) -> None:
        for table in (SearchRow, ProductViewRow, TokenUsageRow):
            self._session.execute(delete(table).where(table.day < day))

    def searches(self, since: date, until: date, limit: int) -> Sequence[Item]:
        without = func.count().filter(SearchRow.total == 0)
        found = (
            select(SearchRow.day, func.count().label("searches"), without.label("without_results"))
            .where(SearchRow.day.between(since, until))
            .group_by(SearchRow.day)
            .order_by(SearchRow.day.desc())
        )
        return self._session.execute(found.limit(limit)).mappings().all()

    def terms(self, since: date, until: date, limit: int, *, only_empty: bool = False) -> Sequence[Item]:
        count = func.count()
        without = func.count().filter(SearchRow.total == 0)
        found = (
            select(SearchRow.term, count.label("searches"), without.label("without_results"))
            .where(SearchRow.day.between(since, until), SearchRow.term != "")
            .group_by(SearchRow.term)
        )
        if only_empty:
            count, found = without, found.having(without > 0)
        return list(
            self._session.execute(found.order_by(count.desc(), SearchRow.term).limit(limit)).mappings()
        )

    def products(self, since: date, until: date, limit: int) -> Sequence[Item]:
        shown, clicked = func.sum(ProductViewRow.shown), func.sum(ProductViewRow.clicked)
        found = (
            select(ProductViewRow.product_id, shown.label("shown"), clicked.label("clicked"))
            .where(ProductViewRow.day.between(since, until))
            .group_by(ProductViewRow.product_id)
            .order_by(shown.desc(), clicked.desc(), ProductViewRow.product_id)
        )
        return self._session.execute(found.limit(limit)).mappings().all()

    def usage(self, since: date, until: date, limit: int) -> Sequence[Item]:
        found = (
            select(
                TokenUsageRow.day,
                TokenUsageRow.owner,
                func.count().label("answers"),
                func.sum(TokenUsageRow.prompt_tokens).label("prompt_tokens"),
                func.sum(TokenUsageRow.completion_tokens).label("completion_tokens"),
            )
            .where(TokenUsageRow.day.between(since, until))
            .group_by(TokenUsageRow.day, TokenUsageRow.owner)
            .order_by(TokenUsageRow.day.desc(), func.sum(TokenUsageRow.completion_tokens).desc())
        )
        return self._session.execute(found.limit(limit)).mappings().all()


def _fit(text: str | None, most: int) -> str | None:
    """What every database can store of it."""
    return text and text.encode(errors="replace").decode().replace("\0", "")[:most]
