"""The sentences that the server itself says to a shopper, in Indonesian; facts come in from the database."""

from warung.products.cards import ProductCard
from warung.search.query import Sort, Understood
from warung.search.request import SearchResult

NO_MODEL = "Penjaga warung sedang tidak bisa dihubungi, jadi ini ringkasan langsung dari daftar produk."

_WHOLE_FROM_KM = 100
NO_LOCATION = "Saya belum tahu lokasi Anda, jadi belum bisa mengurutkan dari yang terdekat."
_FIRST = {
    Sort.RELEVANCE: "Paling cocok",
    Sort.DISTANCE: "Terdekat",
    Sort.PRICE_ASC: "Termurah",
    Sort.PRICE_DESC: "Termahal",
    Sort.NEWEST: "Terbaru",
}


def rupiah(amount: int) -> str:
    """Rp9.499.000, as Indonesians write it."""
    return "Rp" + f"{amount:,}".replace(",", ".")


def kilometres(distance_km: float) -> str:
    """3,2 km; from 100 km on whole ones, 1.540 km."""
    if distance_km >= _WHOLE_FROM_KM:
        return f"{distance_km:,.0f} km".replace(",", ".")
    return f"{distance_km:.1f} km".replace(".", ",")


def label(card: ProductCard) -> str:
    """A product in running text: its name, price and distance, as the database has them now."""
    facts = [rupiah(card.price)]
    if card.distance_km is not None:
        facts.append(kilometres(card.distance_km))
    return f"**{card.name}** ({', '.join(facts)})"


def line(card: ProductCard) -> str:
    """A product in a list, with who sells it and what is left."""
    return f"- {offer(card)}, stok {card.stock_quantity}."


def offer(card: ProductCard) -> str:
    """A product and who sells it."""
    return f"{label(card)}, {card.supplier.business_name}, {card.supplier.city}"


def opening(understood: Understood, found: SearchResult, sort: Sort, *, widened: bool) -> str:
    """What was found, and the first of it in the shopper's order, before anything is recommended."""
    asked = f"Maksud Anda “{found.did_you_mean}”? " if found.did_you_mean else ""
    return asked + _summary(understood, found, sort, widened=widened)


def _summary(understood: Understood, found: SearchResult, sort: Sort, *, widened: bool) -> str:
    text = found.did_you_mean if found.corrected and found.did_you_mean else understood.text
    wish, place = _wish(understood, text), f" di sekitar {understood.place.name}" if understood.place else ""
    if not found.cards:
        return (
            f"Belum ada {wish}{place} yang siap dijual."
            " Coba kata lain, naikkan batas harga, atau hapus tempatnya."
        )
    similar = " yang mirip" if found.relaxed else ""
    if widened:
        summary = f"Belum ada {wish}{place}. Di luar daerah itu ada {found.total}{similar}."
    elif similar:
        summary = f"Tidak ada yang persis {wish}{place}. Ada {found.total}{similar}."
    else:
        summary = f"Ada {found.total} {wish}{place}."
    nowhere = (understood.near_me or understood.sort is Sort.DISTANCE) and found.cards[0].distance_km is None
    hint = f" {NO_LOCATION}" if nowhere else ""
    return f"{summary}{hint} {_FIRST[sort]}: {offer(found.cards[0])}."


def _wish(understood: Understood, text: str) -> str:
    """The understood question, said back with these words."""
    parts = [text or "produk"]
    if understood.min_price_rupiah is not None and understood.max_price_rupiah is not None:
        parts.append(
            f"antara {rupiah(understood.min_price_rupiah)} dan {rupiah(understood.max_price_rupiah)}"
        )
    elif understood.max_price_rupiah is not None:
        parts.append(f"sampai {rupiah(understood.max_price_rupiah)}")
    elif understood.min_price_rupiah is not None:
        parts.append(f"mulai {rupiah(understood.min_price_rupiah)}")
    return " ".join(parts)
