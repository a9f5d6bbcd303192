"""What a product may be; knows no table and no route."""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    StringConstraints,
    TypeAdapter,
)

from warung.database.text import one_line, storable
from warung.products.categories import load_categories

Condition = Literal["new", "used"]

MAX_STOCK = 10**9

_URL = TypeAdapter(HttpUrl)


def _known_category(slug: str) -> str:
    slugs = [category.slug for category in load_categories()]
    if slug not in slugs:
        raise ValueError(f"unknown category {slug[:60]!r}; use one of {', '.join(slugs)}")
    return slug


def _lower_case(tag: str) -> str:
    if tag != tag.lower():
        raise ValueError(f"tag {tag!r} must be lower case")
    return tag


def _each_once(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tags))


def _web_address(url: str) -> str:
    """As a browser writes it (WHATWG URL)."""
    return str(_URL.validate_python(url))


def _no_truth(number: object) -> object:
    """Python takes true for 1."""
    if isinstance(number, bool):
        raise ValueError("must be a whole number, not true or false")  # noqa: TRY004  Pydantic's protocol
    return number


_Whole = Annotated[int, BeforeValidator(_no_truth)]


def _line(longest: int) -> StringConstraints:
    return StringConstraints(min_length=1, max_length=longest, strip_whitespace=True)


_Tag = Annotated[str, _line(50), AfterValidator(one_line), AfterValidator(_lower_case)]
_Image = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_web_address)]
Price = Annotated[_Whole, Field(ge=0, le=10**15, description="Whole rupiah.")]
Stock = Annotated[_Whole, Field(ge=0, le=MAX_STOCK)]


class Article(BaseModel):
    """What every description of a product says; its price is told in two dialects."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sku: Annotated[str, _line(64), AfterValidator(one_line)] = Field(
        description="The supplier's own number of it; unique within the supplier."
    )
    name: Annotated[str, _line(200), AfterValidator(one_line)]
    description: Annotated[str, StringConstraints(max_length=4000), AfterValidator(storable)] = ""
    stock_quantity: Stock
    category: Annotated[str, AfterValidator(_known_category)] = Field(
        description="A slug of GET /api/categories."
    )
    tags: Annotated[tuple[_Tag, ...], Field(max_length=20), AfterValidator(_each_once)] = ()
    brand: Annotated[str, _line(100), AfterValidator(one_line)] | None = None
    condition: Condition = "new"
    weight_grams: Annotated[_Whole, Field(ge=1, le=1_000_000)] | None = None
    images: Annotated[tuple[_Image, ...], Field(max_length=10)] = ()


class ProductDraft(Article):
    """A product to be stored."""

    price_rupiah: Price


class ProductBody(Article):
    """A product as its supplier sends it."""

    price: Price

    def draft(self) -> ProductDraft:
        return ProductDraft.model_construct(**dict(self, price_rupiah=self.price))

    @classmethod
    def of(cls, draft: ProductDraft) -> Self:
        return cls.model_construct(**dict(draft, price=draft.price_rupiah))


class StockChange(BaseModel):
    """`delta` is added to the stock: negative for what is sold."""

    model_config = ConfigDict(extra="forbid")

    delta: Annotated[_Whole, Field(ge=-MAX_STOCK, le=MAX_STOCK)]
    reason: Annotated[str, _line(200), AfterValidator(one_line)] | None = None
