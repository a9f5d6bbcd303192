"""The tables of what was searched, shown and used; knows no shopper's account."""

from datetime import date, datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from warung.database.model import Model
from warung.database.types import BigIntKey, UtcDateTime


class SearchRow(Model):
    """One search; `day` is that of `at` in UTC, `total` how many products were found."""

    __tablename__ = "searches"

    id: Mapped[int] = mapped_column(BigIntKey, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    day: Mapped[date] = mapped_column(index=True)
    owner: Mapped[str | None] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(String(500))
    term: Mapped[str] = mapped_column(String(200))
    understood: Mapped[str] = mapped_column(String(300))
    total: Mapped[int] = mapped_column(BigInteger)
    place: Mapped[str | None] = mapped_column(String(200))


class ProductViewRow(Model):
    """How often a product was shown and clicked on one day. The product may be gone."""

    __tablename__ = "product_views"

    day: Mapped[date] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    shown: Mapped[int] = mapped_column(BigInteger)
    clicked: Mapped[int] = mapped_column(BigInteger)


class TokenUsageRow(Model):
    """The tokens of one answer."""

    __tablename__ = "token_usage"

    id: Mapped[int] = mapped_column(BigIntKey, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    day: Mapped[date] = mapped_column(index=True)
    owner: Mapped[str] = mapped_column(String(200))
    route: Mapped[str] = mapped_column(String(64))
    prompt_tokens: Mapped[int] = mapped_column(BigInteger)
    completion_tokens: Mapped[int] = mapped_column(BigInteger)
