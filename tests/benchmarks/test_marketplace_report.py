"""The table of the marketplace's figures."""

from benchmarks.exchanges import Exchanges
from benchmarks.marketplace_report import MarketplaceReport, Shop, markdown


def report(*shops: Shop) -> MarketplaceReport:
    return MarketplaceReport("2026-01-02", {"processor": "Abacus"}, 32, 8, 0.01, shops)


def test_a_shop_is_compared_with_the_bare_one_on_its_database() -> None:
    page = markdown(
        report(
            Shop("bare", "bare", "SQLite", figures={"read": Exchanges(200, 0.01, 0.02)}),
            Shop("warung", "warung", "SQLite", figures={"read": Exchanges(150, 0.02, 0.04)}, rss_mb=99.6),
            Shop("bare", "bare", "PostgreSQL", figures={"read": Exchanges(100, 0.01, 0.02)}),
            Shop("warung", "warung", "PostgreSQL", figures={"read": Exchanges(150, 0.02, 0.04)}),
        )
    )
    assert "| SQLite | read a product | warung | 150 | 0.75 | 20.0 | 40.0 |" in page
    assert "| PostgreSQL | read a product | warung | 150 | 1.50 | 20.0 | 40.0 |" in page
    assert "| warung | SQLite | 100 |" in page
    assert "Measured on 2026-01-02" in page


def test_what_could_not_be_measured_says_why() -> None:
    page = markdown(report(Shop("bare", "bare", "PostgreSQL", problem="PostgreSQL is missing")))
    assert "| PostgreSQL |  | bare | PostgreSQL is missing |" in page


def test_without_a_bare_shop_nothing_is_compared() -> None:
    shop = Shop("warung", "warung", "SQLite", figures={"read": Exchanges(150, 0.02, 0.04)})
    assert report(shop).ratio(shop, "read") is None
