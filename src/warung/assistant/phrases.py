"""The sentences that the server itself says to a shopper, in Indonesian; facts come in from the database."""

from collections.abc import Sequence

from warung.products.cards import ProductCard
from warung.search.query import Understood

NO_MODEL = "Penjaga warung sedang tidak bisa dihubungi, jadi ini ringkasan langsung dari daftar produk."


def rupiah(amount: int) -> str:
    """Rp9.499.000, as Indonesians write it."""
    return "Rp" + f"{amount:,}".replace(",", ".")


def kilometres(distance_km: float) -> str:
    return f"{distance_km:.1f} km".replace(".", ",")


def label(card: ProductCard) -> str:
    """A product in running text: its name, price and distance, as the database has them now."""
    facts = [rupiah(card.price)]
    if card.distance_km is not None:
        facts.append(kilometres(card.distance_km))
    return f"**{card.name}** ({', '.join(facts)})"


def line(card: ProductCard) -> str:
    """A product in a list, with who sells it and what is left."""
    return (
        f"- {label(card)}, {card.supplier.business_name}, {card.supplier.city}, stok {card.stock_quantity}."
    )


def opening(understood: Understood, cards: Sequence[ProductCard], total: int, *, widened: bool) -> str:
    """What was found, before anything is recommended."""
    wish = _wish(understood)
    if not cards:
        return (
            f"Belum ada {wish} yang siap dijual. Coba kata lain, naikkan batas harga, atau hapus tempatnya."
        )
    order = " terdekat lebih dulu" if cards[0].distance_km is not None else ""
    if widened:
        return f"Belum ada {wish}; di luar daerah itu ada {total} yang cocok,{order or ' ini'}:"
    found = f"Ada {total} {wish} yang cocok"
    return f"{found},{order}:" if order else f"{found}:"


def _wish(understood: Understood) -> str:
    """The understood question, said back."""
    parts = [understood.text or "produk"]
    if understood.min_price_rupiah is not None and understood.max_price_rupiah is not None:
        parts.append(
            f"antara {rupiah(understood.min_price_rupiah)} dan {rupiah(understood.max_price_rupiah)}"
        )
    elif understood.max_price_rupiah is not None:
        parts.append(f"sampai {rupiah(understood.max_price_rupiah)}")
    elif understood.min_price_rupiah is not None:
        parts.append(f"mulai {rupiah(understood.min_price_rupiah)}")
    if understood.place:
        parts.append(f"di sekitar {understood.place.name}")
    return " ".join(parts)
