"""What a shopper's message means, with the shopper's own words behind each filter; knows no parser."""

from dataclasses import dataclass

from warung.geo import Coordinates
from warung.products.schemas import Condition
from warung.search.vocabulary import Sort


@dataclass(frozen=True, slots=True)
class SearchPlace:
    """Where to search: a circle with the name to show."""

    name: str
    location: Coordinates
    radius_km: float


@dataclass(frozen=True, slots=True)
class Span:
    """The literal part of the message, `text`, behind the filter `field` (its name on the wire)."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Understood:
    """What a message asks for. `text` is what is left to search by; None or empty fields ask for nothing.

    `radius_km` is said about the shopper's own place; one said about a named place is in `place`.
    `purpose` is the end of `text` that tells what the goods are for, behind the word that says so, as in
    "buat anak".
    """

    text: str
    category: str | None = None
    min_price_rupiah: int | None = None
    max_price_rupiah: int | None = None
    in_stock: bool | None = None
    condition: Condition | None = None
    exclude: tuple[str, ...] = ()
    sort: Sort = Sort.RELEVANCE
    place: SearchPlace | None = None
    near_me: bool = False
    radius_km: float | None = None
    spans: tuple[Span, ...] = ()
    purpose: str = ""

    @property
    def phrase(self) -> str:
        """`text` as it is searched by: goods apart from their purpose."""
        rest = self.purpose.partition(" ")[2]
        goods = self.text.removesuffix(rest)
        return f"{goods}{self.purpose}" if rest and goods != self.text else self.text

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for: a greeting, thanks."""
        return self == Understood("")
