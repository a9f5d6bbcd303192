"""Products as other programs show them: Google's feed and schema.org; knows no route and no table."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from warung.products.categories import load_categories
from warung.products.product import Product
from warung.products.service import ProductService

_BATCH = 500
_TITLE_CHARACTERS = 150
# support.google.com/merchants/answer/7052112
GOOGLE_COLUMNS = (
    "id",
    "title",
    "description",
    "link",
    "image_link",
    "additional_image_link",
    "availability",
    "price",
    "condition",
    "brand",
    "shipping_weight",
)


def all_products(service: ProductService) -> Iterator[Sequence[Product]]:
    """In the order of ids, by batches."""
    last = 0
    while batch := service.after(last, _BATCH):
        yield batch
        last = batch[-1].id


def google_tsv(batches: Iterator[Sequence[Product]], base_url: str) -> Iterator[bytes]:
    """A tab-delimited feed in pieces; `link` leads to the shop at `base_url`."""
    yield _tsv([GOOGLE_COLUMNS])
    for batch in batches:
        yield _tsv([_google_cells(product, base_url) for product in batch])


def _tsv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _google_cells(product: Product, base_url: str) -> Sequence[str]:
    name = _one_line(product.name)
    return (
        str(product.id),
        name[:_TITLE_CHARACTERS],
        _one_line(product.description) or name,
        _page(product, base_url),
        product.images[0] if product.images else "",
        ",".join(image.replace(",", "%2C") for image in product.images[1:]),
        "in_stock" if product.stock_quantity else "out_of_stock",
        f"{product.price_rupiah} IDR",
        product.condition,
        product.brand or "",
        f"{product.weight_grams} g" if product.weight_grams else "",
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _page(product: Product, base_url: str) -> str:
    return f"{base_url}/?product={product.id}"


def json_ld(product: Product, base_url: str) -> dict[str, Any]:
    """A schema.org Product; what is not known is left out."""
    told: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "@id": f"{base_url}/api/products/{product.id}",
        "name": product.name,
        "description": product.description or product.name,
        "sku": product.sku,
        "category": _category_names().get(product.category, product.category),
        "offers": _offer(product, base_url),
    }
    if product.images:
        told["image"] = list(product.images)
    if product.brand:
        told["brand"] = {"@type": "Brand", "name": product.brand}
    if product.weight_grams:
        # GRM is UN/CEFACT's code of the gram.
        told["weight"] = {"@type": "QuantitativeValue", "value": product.weight_grams, "unitCode": "GRM"}
    return told


def _offer(product: Product, base_url: str) -> dict[str, Any]:
    supplier = product.supplier
    return {
        "@type": "Offer",
        "url": _page(product, base_url),
        "price": str(product.price_rupiah),
        "priceCurrency": "IDR",
        "availability": f"https://schema.org/{'InStock' if product.stock_quantity else 'OutOfStock'}",
        "itemCondition": f"https://schema.org/{'New' if product.condition == 'new' else 'Used'}Condition",
        "seller": {
            "@type": "Organization",
            "name": supplier.business_name,
            "address": {
                "@type": "PostalAddress",
                "addressLocality": supplier.city,
                "addressCountry": "ID",
            },
        },
    }


def _category_names() -> dict[str, str]:
    return {category.slug: category.name for category in load_categories()}
