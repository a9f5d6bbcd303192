"""What a product may be; knows no table and no route."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from warung.products.categories import load_categories


def _known_category(slug: str) -> str:
    slugs = [category.slug for category in load_categories()]
    if slug not in slugs:
        raise ValueError(f"unknown category {slug!r}; use one of {', '.join(slugs)}")
    return slug


def _lower_case(tag: str) -> str:
    if tag != tag.lower():
        raise ValueError(f"tag {tag!r} must be lower case")
    return tag


_Tag = Annotated[str, StringConstraints(min_length=1, max_length=50), AfterValidator(_lower_case)]


class ProductDraft(BaseModel):
    """A product to be stored; `sku` is unique within its supplier, `category` a known slug."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sku: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    description: Annotated[str, StringConstraints(max_length=4000)]
    price_rupiah: Annotated[int, Field(ge=0, le=10**15)]
    stock_quantity: Annotated[int, Field(ge=0, le=10**9)]
    category: Annotated[str, AfterValidator(_known_category)]
    tags: Annotated[tuple[_Tag, ...], Field(max_length=20)]
