"""Many at one counter at once: no update is lost, and no stock goes below zero."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path
from threading import Barrier

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live import serving
from marketplace import add_supplier, product_draft
from stalls import LAPTOP, Headers, market_app, register
from warung.accounts.principal import Principal
from warung.database.session import Database
from warung.errors import Conflict, Forbidden, NotFound
from warung.products.counter import Counter
from warung.products.product import PriceChange, draft_of
from warung.products.repository import ProductRepository

Call = Callable[[httpx.Client], httpx.Response]

BUYERS = 50
PIECES = 10


@dataclass(frozen=True, slots=True)
class Live:
    url: str
    key: Headers

    def together(self, calls: Sequence[Call]) -> list[httpx.Response]:
        """All of them at once, each over a connection of its own."""
        start = Barrier(len(calls))

        def run(call: Call) -> httpx.Response:
            with httpx.Client(base_url=self.url, headers=self.key, timeout=60) as client:
                client.get("/api/categories")
                start.wait()
                return call(client)

        with ThreadPoolExecutor(len(calls)) as threads:
            return list(threads.map(run, calls))


@pytest.fixture
def live(database_url: str, tmp_path: Path) -> Generator[Live]:
    app = market_app(database_url, tmp_path)
    _, key = register(TestClient(app))
    with serving(app) as url:
        yield Live(url, key)


def test_of_fifty_buyers_of_the_last_ten_pieces_ten_succeed(live: Live) -> None:
    with httpx.Client(base_url=live.url, headers=live.key) as owner:
        product = owner.post("/api/products", json=LAPTOP | {"stock_quantity": PIECES}).json()["id"]
        url = f"/api/products/{product}"

        def buy(client: httpx.Client) -> httpx.Response:
            return client.post(f"{url}/stock", json={"delta": -1})

        answers = live.together([buy] * BUYERS)
        sold = [answer.json()["stock_quantity"] for answer in answers if answer.status_code == 200]
        refused = [answer.json()["code"] for answer in answers if answer.status_code == 409]
        assert sorted(sold) == list(range(PIECES))
        assert refused == ["out_of_stock"] * (BUYERS - PIECES)
        assert owner.get(url).json()["stock_quantity"] == 0
        history = owner.get(f"{url}/history", params={"limit": 100}).json()["items"]
        assert [entry["stock_quantity"] for entry in history] == list(range(PIECES + 1))


def test_of_two_changes_of_the_same_version_one_is_made(live: Live) -> None:
    with httpx.Client(base_url=live.url, headers=live.key) as owner:
        url = f"/api/products/{owner.post('/api/products', json=LAPTOP).json()['id']}"
        for _ in range(5):
            version = {"If-Match": owner.get(url).headers["etag"]}
            price: int = owner.get(url).json()["price"]

            def change(by: int) -> Call:
                return lambda client: client.patch(url, json={"price": price + by}, headers=version)  # noqa: B023

            answers = live.together([change(1), change(2)])
            assert sorted(answer.status_code for answer in answers) == [200, 412]
            (made,) = (answer.json()["price"] for answer in answers if answer.status_code == 200)
            assert owner.get(url).json()["price"] == made


def test_patches_of_different_fields_keep_each_other(live: Live) -> None:
    with httpx.Client(base_url=live.url, headers=live.key) as owner:
        url = f"/api/products/{owner.post('/api/products', json=LAPTOP).json()['id']}"
        patches: list[dict[str, object]] = [
            {"name": "Laptop"},
            {"price": 5},
            {"brand": "Acer"},
            {"tags": ["baru"]},
        ]

        def change(patch: dict[str, object]) -> Call:
            return lambda client: client.patch(url, json=patch)

        answers = live.together([change(patch) for patch in patches * 4])
        assert {answer.status_code for answer in answers} == {200}
        told = owner.get(url).json()
        assert (told["name"], told["price"], told["brand"]) == ("Laptop", 5, "Acer")


def putting_up(sku: str) -> Call:
    return lambda client: client.post("/api/products", json=LAPTOP | {"sku": sku})


def test_of_two_products_with_one_sku_one_is_put_up(live: Live) -> None:
    for round_ in range(3):
        answers = live.together([putting_up(f"S-{round_}")] * 4)
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


def test_nothing_is_put_up_in_a_stall_that_closes(live: Live) -> None:
    with httpx.Client(base_url=live.url, headers=live.key) as owner:
        supplier = owner.post("/api/products", json=LAPTOP).json()["supplier"]["id"]

        def close(client: httpx.Client) -> httpx.Response:
            return client.delete(f"/api/suppliers/{supplier}")

        closed, *others = live.together([close, *(putting_up(f"S-{number}") for number in range(8))])
        assert closed.status_code == 204
        assert {answer.status_code for answer in others} <= {201, 401, 404}
        for answer in others:
            if answer.status_code == 201:
                assert owner.get(f"/api/products/{answer.json()['id']}").status_code == 404


Step = tuple[str, int]
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(st.just("delta"), st.integers(-7, 7).filter(bool)),
        st.tuples(st.just("price"), st.integers(0, 3)),
        st.tuples(st.just("name"), st.integers(0, 3)),
        st.tuples(st.just("delete"), st.just(0)),
    ),
    max_size=6,
)
_NUMBERS = count(1)


@given(st.integers(0, 12), st.lists(STEPS, min_size=1, max_size=4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_stock_is_what_it_was_and_all_accepted_changes(
    database: Database, initial: int, hands: list[list[Step]]
) -> None:
    """Each list of steps is done by a hand of its own, all at the same time."""
    supplier_id = add_supplier(database, "a")
    caller = Principal(f"supplier:{supplier_id}", "supplier", supplier_id=supplier_id)
    counter = Counter(database)
    draft = product_draft(str(next(_NUMBERS)), "Laptop", 1, stock_quantity=initial)
    product_id = counter.put_up(caller, draft).id

    def work(steps: list[Step]) -> list[Step]:
        return [step for step in steps if _was_done(counter, product_id, caller, step)]

    with ThreadPoolExecutor(len(hands)) as threads:
        done = [step for steps in threads.map(work, hands) for step in steps]

    history = changes_of(database, product_id)
    stocks = [change.stock_quantity for change in reversed(history)]
    deltas = [value for kind, value in done if kind == "delta"]
    assert stocks[-1] == initial + sum(deltas)
    assert min(stocks) >= 0
    steps_between = [after - before for before, after in pairwise(stocks)]
    assert sorted(step for step in steps_between if step) == sorted(deltas)
    assert [kind for kind, _ in done].count("delete") <= 1


def _was_done(counter: Counter, product_id: int, caller: Principal, step: Step) -> bool:
    kind, value = step
    update = {"price_rupiah": value} if kind == "price" else {"name": f"Laptop {value}"}
    try:
        if kind == "delta":
            counter.take(product_id, caller, value)
        elif kind == "delete":
            counter.take_off(product_id, caller)
        else:
            counter.change(product_id, caller, lambda product: draft_of(product).model_copy(update=update))
    except (Conflict, NotFound):
        return False
    return True


def changes_of(database: Database, product_id: int) -> list[PriceChange]:
    """Newest first, also of a product that was deleted."""
    with database.reading() as session:
        return [change for _, change in ProductRepository(session).history(product_id, 2**63 - 1, 1000)]


def test_the_operator_may_change_what_is_anyones(database: Database) -> None:
    counter = Counter(database)
    supplier_id = add_supplier(database, "a")
    stall = Principal(f"supplier:{supplier_id}", "supplier", supplier_id=supplier_id)
    product = counter.put_up(stall, product_draft("1", "Laptop"))
    counter.take(product.id, Principal("operator", "operator"), -1)
    assert [change.actor for change in changes_of(database, product.id)] == ["operator", stall.owner]
    with pytest.raises(Forbidden):
        counter.take(product.id, Principal("user:1", "shopper", user_id="1"), -1)
