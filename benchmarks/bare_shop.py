"""What warung's marketplace is compared with: FastAPI over SQLAlchemy, and nothing else.

It has the same products and answers in the same shape, without accounts, versions, history, a search index or
a log of changes. Run by marketplace.py: DATABASE_URL=... python -m benchmarks.bare_shop PORT [--fill].
"""

import os
import sys
from collections.abc import Generator
from itertools import count
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine, ForeignKey, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship

from warung.seed.catalogue import build_catalogue

_PAGE = 20


class _Model(DeclarativeBase):
    pass


class _Supplier(_Model):
    __tablename__ = "suppliers"

    id: Mapped[int] = mapped_column(primary_key=True)
    business_name: Mapped[str]
    city: Mapped[str]
    lat: Mapped[float]
    lng: Mapped[float]


class _Product(_Model):
    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    supplier_id: Mapped[int] = mapped_column(ForeignKey("suppliers.id"), index=True)
    name: Mapped[str]
    description: Mapped[str]
    price: Mapped[int]
    stock_quantity: Mapped[int]
    category: Mapped[str] = mapped_column(index=True)
    supplier: Mapped[_Supplier] = relationship()


class _SupplierOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    business_name: str
    city: str
    lat: float
    lng: float


class _ProductOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    description: str
    price: int
    stock_quantity: int
    category: str
    supplier: _SupplierOut


class _Change(BaseModel):
    price: int


def _session(request: Request) -> Generator[Session]:
    with Session(request.app.state.engine) as opened:
        yield opened


_Database = Annotated[Session, Depends(_session)]


def create_app(engine: Engine) -> FastAPI:
    app = FastAPI()
    app.state.engine = engine
    whole = select(_Product).options(joinedload(_Product.supplier))

    @app.get("/health")
    def health() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/products/search")
    def search(database: _Database, q: str, max_price: int) -> list[_ProductOut]:
        found = whole.where(_Product.name.ilike(f"%{q}%"), _Product.price <= max_price).limit(_PAGE)
        return [_ProductOut.model_validate(row) for row in database.scalars(found)]

    @app.get("/products/{product_id}")
    def read(database: _Database, product_id: int) -> _ProductOut:
        row = database.scalar(whole.where(_Product.id == product_id))
        if row is None:
            raise HTTPException(404)
        return _ProductOut.model_validate(row)

    @app.patch("/products/{product_id}")
    def change(database: _Database, product_id: int, changes: _Change) -> _ProductOut:
        row = database.scalar(whole.where(_Product.id == product_id))
        if row is None:
            raise HTTPException(404)
        row.price = changes.price
        database.flush()
        answer = _ProductOut.model_validate(row)
        database.commit()
        return answer

    @app.get("/suppliers/{supplier_id}/products")
    def products(database: _Database, supplier_id: int) -> list[_ProductOut]:
        rows = database.scalars(
            whole.where(_Product.supplier_id == supplier_id).order_by(_Product.id).limit(_PAGE)
        )
        return [_ProductOut.model_validate(row) for row in rows]

    return app


def open_engine(url: str) -> Engine:
    """With the same care for the disk as warung's."""
    sqlite = url.startswith("sqlite")
    options: dict[str, Any] = {"connect_args": {"timeout": 15}} if sqlite else {"pool_size": 20}
    engine = create_engine(url, **options)

    def prepare(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    if sqlite:
        event.listen(engine, "connect", prepare)
    return engine


def fill(engine: Engine) -> None:
    _Model.metadata.create_all(engine)
    numbers = count(1)
    with Session(engine) as session:
        for supplier_id, entry in enumerate(build_catalogue().suppliers, 1):
            draft = entry.draft
            session.add(
                _Supplier(
                    id=supplier_id,
                    business_name=draft.business_name,
                    city=draft.city,
                    lat=draft.location.lat,
                    lng=draft.location.lng,
                )
            )
            session.flush()
            session.add_all(
                _Product(
                    id=next(numbers),
                    supplier_id=supplier_id,
                    name=product.name,
                    description=product.description,
                    price=product.price_rupiah,
                    stock_quantity=product.stock_quantity,
                    category=product.category,
                )
                for product in entry.products
            )
        session.commit()


if __name__ == "__main__":
    if "--fill" in sys.argv:
        fill(open_engine(os.environ["DATABASE_URL"]))
    else:
        app = create_app(open_engine(os.environ["DATABASE_URL"]))
        uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
