"""What the seed's stalls can sell: articles with base prices, and offers of them; knows no stall."""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, TypeAdapter

from warung.products.schemas import Condition, ProductDraft
from warung.seed.dice import Dice

_SOLD_OUT = 0.08
_SKU_LENGTH = 64
# (from this price in rupiah, prices are whole steps, less this much), as shops do: 8.499.000, 129.000, 6.500
_PRICE_STEPS = (
    (3_000_000, 50_000, 1_000),
    (1_000_000, 10_000, 1_000),
    (100_000, 1_000, 0),
    (20_000, 500, 0),
    (0, 100, 0),
)
# (from this price, the largest stock of one article)
_STOCK_LIMITS = ((5_000_000, 8), (1_000_000, 20), (100_000, 60), (0, 250))


@dataclass(frozen=True, slots=True)
class Article:
    """One variant of a kind. `name`, `tags` and `text` are templates over `values` and the option "o"."""

    category: str
    name: str
    tags: tuple[str, ...]
    text: tuple[str, ...]
    options: tuple[str, ...]
    values: Mapping[str, str]
    base_price_rupiah: int
    condition: Condition = "new"

    def names(self) -> tuple[str, ...]:
        """The product names under which this article can be sold, one for each option."""
        return tuple(self._fill(self.name, option) for option in self.options)

    def offer(self, dice: Dice) -> ProductDraft:
        """A stall's own option, price within 8 % of the base, stock and description."""
        option = dice.pick(self.options)
        name = self._fill(self.name, option)
        price_rupiah = shop_price(self.base_price_rupiah, dice)
        return ProductDraft(
            sku=sku_of(name),
            name=name,
            description=self._describe(option, dice),
            price_rupiah=price_rupiah,
            stock_quantity=_stock(price_rupiah, dice),
            category=self.category,
            tags=tuple(dict.fromkeys(self._fill(tag, option).lower() for tag in self.tags)),
            condition=self.condition,
        )

    def _fill(self, template: str, option: str) -> str:
        return template.format(**self.values, o=option)

    def _describe(self, option: str, dice: Dice) -> str:
        first, *others = self.text
        sentences = [first, *dice.shuffled(others)[: dice.whole(0, 2)]]
        return " ".join(self._fill(sentence, option) for sentence in sentences)


class _Kind(BaseModel):
    model_config = ConfigDict(extra="forbid")

    category: str
    condition: Condition = "new"
    name: str = "{v}"
    fields: tuple[str, ...] = ("v",)
    options: tuple[str, ...] = ("",)
    tags: tuple[str, ...]
    text: tuple[str, ...]
    variants: tuple[tuple[str | int, ...], ...]

    def articles(self) -> list[Article]:
        return [self._article(variant) for variant in self.variants]

    def _article(self, variant: tuple[str | int, ...]) -> Article:
        *columns, price = variant
        values = dict(zip(self.fields, (str(column) for column in columns), strict=True))
        return Article(
            self.category, self.name, self.tags, self.text, self.options, values, int(price), self.condition
        )


_KINDS = TypeAdapter(dict[str, list[_Kind]])


@cache
def load_articles() -> tuple[Article, ...]:
    """All articles in the order of the packaged file."""
    text = files("warung.seed").joinpath("kinds.toml").read_text(encoding="utf-8")
    kinds = _KINDS.validate_python(tomllib.loads(text))["kind"]
    return tuple(article for kind in kinds for article in kind.articles())


def shop_price(base_rupiah: int, dice: Dice) -> int:
    """`base_rupiah` give or take 6 %, rounded as shops do: within 8 % of the base from 5.000 rupiah up."""
    raw = base_rupiah * dice.whole(940, 1060) // 1000
    step, less = next((step, less) for least, step, less in _PRICE_STEPS if raw >= least)
    return (raw + step // 2) // step * step - less


def sku_of(name: str) -> str:
    """A readable code for a product name, at most 64 characters; a long one ends in a digest of the whole."""
    code = re.sub(r"[^A-Z0-9]+", "-", name.upper()).strip("-")
    if len(code) <= _SKU_LENGTH:
        return code
    return f"{code[: _SKU_LENGTH - 7].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:6].upper()}"


def _stock(price_rupiah: int, dice: Dice) -> int:
    limit = next(limit for least, limit in _STOCK_LIMITS if price_rupiah >= least)
    return 0 if dice.fraction() < _SOLD_OUT else dice.whole(1, limit)
