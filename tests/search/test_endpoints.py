from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from marketplace import BANDUNG, JAKARTA, add_products, add_supplier, new_database, product_draft
from warung.errors import InvalidInput
from warung.products.service import ProductService
from warung.search.endpoints import create_router
from warung.search.index import ProductIndex
from warung.search.service import SearchService
from warung.suppliers.service import SupplierService

ROUTE = "/api/products/search"


def answer_invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, InvalidInput)
    return JSONResponse({"field": error.field, "message": error.message}, status_code=error.status)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    database = new_database(tmp_path)
    add_products(database, add_supplier(database, "a", BANDUNG), product_draft("1", "Laptop Jauh", 5_000_000))
    add_products(
        database,
        add_supplier(database, "b", JAKARTA),
        product_draft("1", "Laptop Dekat", 9_000_000, tags=("baru",)),
        product_draft("2", "Laptop Habis", 4_000_000, stock_quantity=0),
    )
    add_products(
        database,
        add_supplier(database, "c", JAKARTA),
        product_draft("1", "Ponsel Lama", 900_000, category="ponsel").model_copy(
            update={"condition": "used", "brand": "Asus"}
        ),
    )
    products = ProductService(database)
    index = ProductIndex(tmp_path / "index", products, SupplierService(database))
    index.catch_up()
    app = FastAPI()
    app.add_exception_handler(InvalidInput, answer_invalid)
    app.include_router(create_router(SearchService(index, products)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://warung") as client:
        yield client
    database.close()


async def test_the_answer_has_the_shape_of_the_wire(client: httpx.AsyncClient) -> None:
    answer = await client.get(ROUTE, params={"q": "dekat", "location": "-6.9175,107.6191"})
    assert answer.status_code == 200
    body = answer.json()
    assert body["products"][0].pop("score") > 0
    assert body == {
        "products": [
            {
                "id": 2,
                "name": "Laptop Dekat",
                "description": "",
                "price": 9_000_000,
                "stock_quantity": 5,
                "category": "laptop",
                "tags": ["baru"],
                "distance_km": 120.6,
                "supplier": {
                    "id": 2,
                    "business_name": "Toko b",
                    "city": "Jakarta",
                    "location": {"lat": -6.2, "lng": 106.8},
                },
                "delivery": None,
                "offers": None,
                "highlights": None,
            }
        ],
        "exact": 1,
        "total": 1,
        "facets": {
            "category": {"laptop": 1},
            "price": None,
            "city": None,
            "distance": None,
            "condition": None,
            "brand": None,
        },
        "next_cursor": None,
        "understood": None,
        "relaxed": [],
        "corrected": {},
        "did_you_mean": None,
    }


async def test_every_filter_reaches_the_search(client: httpx.AsyncClient) -> None:
    async def names(**params: str) -> list[str]:
        answer = await client.get(ROUTE, params=params)
        assert answer.status_code == 200, answer.text
        return [product["name"] for product in answer.json()["products"]]

    assert await names(q="laptop", sort="price_asc") == ["Laptop Habis", "Laptop Jauh", "Laptop Dekat"]
    assert await names(q="laptop", sort="price_desc", in_stock="true") == ["Laptop Dekat", "Laptop Jauh"]
    assert await names(sort="distance", location="-6.9,107.6", limit="1") == ["Laptop Jauh"]
    assert await names(q="laptop", location="-6.2,106.8", radius_km="10", in_stock="true") == ["Laptop Dekat"]
    assert await names(condition="used") == ["Ponsel Lama"]
    assert await names(brand="Asus", city="Jakarta") == ["Ponsel Lama"]
    assert await names(brand="asus") == []
    assert await names(q="laptop", category="komputer", relax="1") == []
    assert await names(min_price="5000000", max_price="5000000", category="laptop") == ["Laptop Jauh"]


async def test_words_are_put_right_begun_and_marked(client: httpx.AsyncClient) -> None:
    asked = {"q": "Laptpo dek", "prefix": "1", "highlight": "1", "limit": "1"}
    body = (await client.get(ROUTE, params=asked)).json()
    assert (body["corrected"], body["did_you_mean"]) == ({"Laptpo": "laptop"}, "laptop dek")
    [card] = body["products"]
    assert (card["name"], card["highlights"]) == (
        "Laptop Dekat",
        {"name": [[0, 6], [7, 12]], "description": []},
    )


async def test_what_is_typed_is_continued(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/products/suggest", params={"q": "laptpo de", "limit": "3"})
    assert answer.json() == {
        "items": [{"text": "laptop dekat", "count": 1}],
        "corrected": {"laptpo": "laptop"},
    }
    for query in ("limit=0", "limit=51", "query=laptop"):
        assert (await client.get(f"/api/products/suggest?{query}")).status_code == 422


async def test_a_cursor_leads_to_the_next_page(client: httpx.AsyncClient) -> None:
    first = (await client.get(ROUTE, params={"q": "laptop", "sort": "price_asc", "limit": 2})).json()
    params = {"q": "laptop", "sort": "price_asc", "limit": 2, "cursor": first["next_cursor"]}
    second = (await client.get(ROUTE, params=params)).json()
    assert [product["id"] for product in first["products"] + second["products"]] == [3, 1, 2]
    assert (first["total"], second["total"], second["next_cursor"]) == (3, 3, None)


@pytest.mark.parametrize(
    "query",
    [
        "location=abc", "location=", "location=91,0", "location=1,2,3", "location=nan,1",
        "min_price=-1", "min_price=1.5", "max_price=murah", "max_price=", "max_price=1e99",
        "in_stock=mungkin",
        "sort=best", "limit=0", "limit=101", "cursor=%00", "cursor=e30", "harga=5", "lat=1",
        "prefix=laptop", "highlight=name",
        "category=pesawat",
        "radius_km=0&location=1,1", "radius_km=inf&location=1,1", "radius_km=5", "sort=distance",
        "min_price=2&max_price=1",
        "condition=bagus", "facets=warna", "facets=distance", "offers=6", "offers=-1", "relax=mungkin",
    ],
)  # fmt: skip
async def test_a_bad_parameter_is_refused_by_name(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"{ROUTE}?{query}")
    assert answer.status_code == 422
    body = answer.json()
    named = body["field"] if "field" in body else body["detail"][0]["loc"][-1]
    assert named == query.split("=", 1)[0]


async def test_an_unknown_category_is_told_the_known_ones(client: httpx.AsyncClient) -> None:
    answer = await client.get(ROUTE, params={"category": "pesawat"})
    assert "aksesori-laptop" in answer.json()["message"]


@pytest.mark.parametrize("text", ["' OR 1=1 --", "*", '"', "a AND (b", "🛵", "\x00", "x" * 500, "../../etc"])
async def test_any_text_is_only_words(client: httpx.AsyncClient, text: str) -> None:
    answer = await client.get(ROUTE, params={"q": text})
    assert answer.status_code == 200


async def test_facets_come_when_they_are_asked_for(client: httpx.AsyncClient) -> None:
    params = {"location": "-6.2,106.8", "facets": "all", "condition": "new"}
    answer = (await client.get(ROUTE, params=params)).json()
    assert answer["facets"] == {
        "category": {"laptop": 3},
        "price": [{"min_price": 2_500_000, "max_price": 4_999_999, "count": 1},
                  {"min_price": 5_000_000, "max_price": 9_999_999, "count": 2}],
        "city": {"Jakarta": 3},
        "distance": [{"min_km": 0, "max_km": 5, "count": 2}],
        "condition": {"new": 3, "used": 1},
        "brand": {},
    }  # fmt: skip
    some = (await client.get(ROUTE, params={"facets": "brand,price"})).json()["facets"]
    assert some["brand"] == {"Asus": 1}
    assert len(some["price"]) == 3
    assert some["city"] is some["distance"] is some["condition"] is None


async def test_filters_give_way_only_when_they_may(client: httpx.AsyncClient) -> None:
    params = {"q": "laptop", "location": "-6.9175,107.6191", "radius_km": "10", "min_price": "6000000"}
    strict = (await client.get(ROUTE, params=params)).json()
    assert (strict["products"], strict["relaxed"]) == ([], [])
    answer = (await client.get(ROUTE, params=params | {"relax": "1"})).json()
    assert [product["name"] for product in answer["products"]] == ["Laptop Dekat"]
    assert answer["relaxed"] == ["radius"]


async def test_offers_of_other_suppliers_come_with_each_product(client: httpx.AsyncClient) -> None:
    params = {"q": "laptop dekat", "location": "-6.2,106.8", "offers": "1"}
    first = (await client.get(ROUTE, params=params)).json()["products"][0]
    assert first["name"] == "Laptop Dekat"
    assert [(offer["name"], offer["distance_km"]) for offer in first["offers"]] == [("Laptop Jauh", 120.6)]
