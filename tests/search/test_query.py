import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.labelled import LabelledQuery, read
from warung.gazetteer.places import Gazetteer
from warung.products.categories import load_categories
from warung.search.query import QueryParser, Sort, Span

PARSER = QueryParser(Gazetteer.load(), load_categories())
LABELLED = read("queries.tsv")
# Words of every kind the parser treats apart, to be thrown together in any order.
FRAGMENTS = [
    *(
        "laptop",
        "batik",
        "kopi",
        "solo",
        "jakarta",
        "kab",
        "bandung",
        "batu",
        "di",
        "dekat",
        "sekitar",
        "saya",
        "asus",
    ),
    *(
        "bukan",
        "selain",
        "tanpa",
        "dan",
        "atau",
        ",",
        "/",
        "-",
        "10",
        "2-3",
        "1.500.000",
        "5k",
        "16gb",
        "juta",
        "jt",
    ),
    *(
        "rb",
        "m",
        "rp",
        "budget",
        "bawah",
        "minimal",
        "antara",
        "termurah",
        "terdekat",
        "ready",
        "stock",
        "ga",
        "?",
    ),
]


@pytest.mark.parametrize("query", LABELLED, ids=lambda query: query.message)
def test_labelled_queries(query: LabelledQuery) -> None:
    assert query.misses(PARSER.parse(query.message)) == {}


def test_the_canonical_query_and_its_spans() -> None:
    found = PARSER.parse("laptop gaming Jakarta budget 10 juta")
    assert (found.text, found.category, found.max_price_rupiah) == ("laptop gaming", "laptop", 10_000_000)
    assert found.place is not None
    assert found.place.name == "Jakarta"
    assert found.sort is Sort.RELEVANCE
    assert set(found.spans) == {
        Span("category", "laptop"),
        Span("place", "Jakarta"),
        Span("max_price", "budget 10 juta"),
    }


def test_a_place_repeated_by_what_holds_it_leaves_the_text() -> None:
    found = PARSER.parse("sofa di Lembang, Kab Bandung, Jawa Barat, Pulau Jawa")
    assert found.place is not None
    assert (found.text, found.place.name) == ("sofa", "Lembang")


def test_contradicting_bounds_are_put_in_order() -> None:
    found = PARSER.parse("meja minimal 3 juta maksimal 2 juta")
    assert (found.min_price_rupiah, found.max_price_rupiah) == (2_000_000, 3_000_000)


any_message = st.text(max_size=2000) | st.lists(st.sampled_from(FRAGMENTS), max_size=60).map(" ".join)


@given(any_message)
def test_any_text_is_understood_the_same_way_twice(message: str) -> None:
    found = PARSER.parse(message)
    assert found == PARSER.parse(message)
    assert all(span.text and span.text in message for span in found.spans)
    if found.min_price_rupiah is not None and found.max_price_rupiah is not None:
        assert 0 <= found.min_price_rupiah <= found.max_price_rupiah
    filters = (found.min_price_rupiah, found.max_price_rupiah, found.in_stock, found.category, found.place)
    if any(value is not None for value in filters):
        assert found.spans


@given(st.integers(1, 999_999), st.sampled_from(["{} juta", "{}juta", "{}jt", "rp{}jt", "budget {} jt"]))
def test_millions_come_back_exactly(number: int, shape: str) -> None:
    assert PARSER.parse(f"meja {shape.format(number)}").max_price_rupiah == number * 1_000_000


@given(st.integers(1, 999_999), st.sampled_from(["{}rb", "{} ribu", "Rp {} rb", "di bawah {}rb", "maks {}k"]))
def test_thousands_come_back_exactly(number: int, shape: str) -> None:
    assert PARSER.parse(f"meja {shape.format(number)}").max_price_rupiah == number * 1_000


@given(
    st.integers(1_000, 10**15), st.sampled_from([".", ","]), st.sampled_from(["Rp {}", "rp{}", "budget {}"])
)
def test_grouped_digits_come_back_exactly(rupiah: int, mark: str, shape: str) -> None:
    assert PARSER.parse(f"meja {shape.format(f'{rupiah:,}'.replace(',', mark))}").max_price_rupiah == rupiah


@given(st.integers(0, 999), st.integers(1, 99))
def test_decimal_millions_come_back_exactly(whole: int, hundredths: int) -> None:
    found = PARSER.parse(f"meja {whole},{hundredths:02} juta")
    assert found.max_price_rupiah == whole * 1_000_000 + hundredths * 10_000


@given(
    st.integers(1, 500),
    st.integers(1, 499),
    st.sampled_from(["{}-{} juta", "{} sampai {} juta", "{} - {}jt"]),
)
def test_a_range_shares_its_unit(low: int, more: int, shape: str) -> None:
    found = PARSER.parse(f"meja {shape.format(low, low + more)}")
    assert (found.min_price_rupiah, found.max_price_rupiah) == (low * 1_000_000, (low + more) * 1_000_000)


@given(
    st.integers(1, 10**6), st.sampled_from(["{} inch", "{}gb", "{} kg", "{} ml", "isi {}", "buat {} orang"])
)
def test_sizes_and_counts_are_no_money(number: int, shape: str) -> None:
    found = PARSER.parse(f"barang {shape.format(number)}")
    assert (found.min_price_rupiah, found.max_price_rupiah) == (None, None)
