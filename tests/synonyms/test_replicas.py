"""What an operator says of synonyms on one replica shows in the next searches of another."""

from pathlib import Path

import httpx

from accounts.people import PASSWORD, open_house
from live import serving
from marketplace import add_products, add_supplier, product_draft
from stalls import bearer, market_app
from waiting import wait_until
from warung.database.session import Database


def test_a_change_reaches_another_replica_without_indexing(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    add_products(
        database, add_supplier(database, "a"), product_draft("1", "Pentol Pedas", category="sembako")
    )
    house = open_house(database)
    house.register("boss@example.com", "operator")
    operator = bearer(house.logins.log_in("boss@example.com", PASSWORD).access)
    first = market_app(database_url, tmp_path / "first")
    second = market_app(database_url, tmp_path / "second")
    with serving(first) as here, serving(second) as there, httpx.Client(timeout=60) as client:

        def names(text: str) -> list[str]:
            found = client.get(f"{there}/api/products/search", params={"q": text}).json()
            return [card["name"] for card in found["products"]]

        group = f"{here}/api/search/synonyms/bakso"
        wait_until(lambda: names("pentol"))
        assert names("bakso") == []
        client.put(group, headers=operator, json={"words": ["bakso", "pentol"]}).raise_for_status()
        wait_until(lambda: names("bakso") == ["Pentol Pedas"])
        client.delete(group, headers=operator).raise_for_status()
        wait_until(lambda: names("bakso") == [])
    database.close()
