import csv
import re
import sys
from importlib.resources import files
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.labelled import LabelledQuery, read
from warung.gazetteer.places import Gazetteer
from warung.products.categories import load_categories
from warung.search.query import QueryParser
from warung.search.understood import Span
from warung.search.vocabulary import Sort

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
    *("baru", "bekas", "tahun", "second", "kondisi", "radius", "km", "5 km", "goceng", "setengah", "koma"),
    *("surabya", "maximun", "oleh2", "kaca", "mata", "+", "~", "sama", "gak", "mau"),
]


@pytest.mark.parametrize("query", LABELLED, ids=lambda query: query.message)
def test_labelled_queries(query: LabelledQuery) -> None:
    assert query.misses(PARSER.parse(query.message)) == {}


def test_queries_written_without_sight_of_the_parser() -> None:
    queries = read("queries-open.tsv")
    misses = {q.message: missed for q in queries if (missed := q.misses(PARSER.parse(q.message)))}
    assert len(misses) <= 0.05 * len(queries), misses


PLACES = list(
    csv.DictReader(
        files("warung.gazetteer").joinpath("places.tsv").read_text(encoding="utf-8").splitlines(),
        delimiter="\t",
    )
)
KINDS = {
    "kota": ("kota {}",),
    "kabupaten": ("kabupaten {}", "kab. {}", "Kab {}"),
    "province": ("provinsi {}", "prov. {}"),
}
EVERYDAY = set(
    files("warung.gazetteer").joinpath("ambiguous.txt").read_text(encoding="utf-8").lower().splitlines()
)


@pytest.mark.parametrize("shape", ["laptop di {}", "laptop {}", "ada laptop di {} ga? maks 5 juta"])
def test_every_kabupaten_kota_and_province_is_found_in_a_sentence(shape: str) -> None:
    for row in PLACES:
        for kind in KINDS[row["kind"]]:
            found = PARSER.parse(shape.format(kind.format(row["name"])))
            place = Gazetteer.load().find(f"{row['kind'].replace('province', 'provinsi')} {row['name']}")
            assert found.place, row
            assert place, row
            assert (found.text, found.place.name, found.place.location) == (
                "laptop",
                row["name"],
                place.location,
            )


def test_every_name_alone_is_a_place_unless_it_is_an_everyday_word() -> None:
    for row in PLACES:
        name = row["name"]
        place = Gazetteer.load().find(name)
        for message in [f"laptop di {name}", *([f"laptop {name}"] if name.lower() not in EVERYDAY else [])]:
            found = PARSER.parse(message)
            assert place, row
            assert found.place, row
            assert (found.text, found.place.location) == ("laptop", place.location), row


@pytest.mark.parametrize(
    ("message", "spans"),
    [
        (
            "laptop bekas di Bandung",
            {("condition", "bekas"), ("place", "di Bandung"), ("category", "laptop")},
        ),
        ("kulkas, kondisi masih baru!", {("condition", "kondisi masih baru"), ("category", "kulkas")}),
        ("hp jangan yang second", {("condition", "jangan yang second"), ("category", "hp")}),
        ("hp baru atau bekas", {("category", "hp")}),
        ("semen radius 5 km dari sini", {("radius_km", "radius 5 km dari sini"), ("category", "semen")}),
        (
            "semen, maks 5 km dari Solo",
            {("radius_km", "maks 5 km"), ("place", "dari Solo"), ("category", "semen")},
        ),
        ("sofa tidak di atas 3 juta", {("max_price", "tidak di atas 3 juta"), ("category", "sofa")}),
        ("sofa di Surabya", {("place", "di Surabya"), ("category", "sofa")}),
        ("hp gak mau oppo, vivo", {("exclude", "gak mau oppo, vivo"), ("category", "hp")}),
        ("beli kaca mata", {("category", "kaca mata")}),
    ],
)
def test_the_words_behind_each_filter(message: str, spans: set[tuple[str, str]]) -> None:
    assert {(span.field, span.text) for span in PARSER.parse(message).spans} == spans


def test_a_radius_is_the_shoppers_unless_a_place_is_named() -> None:
    found = PARSER.parse("galon radius 10 km")
    assert (found.near_me, found.radius_km, found.place) == (True, 10, None)
    found = PARSER.parse("galon radius 10 km dari Malang")
    assert found.place is not None
    assert (found.near_me, found.radius_km, found.place.radius_km) == (False, None, 10)


@pytest.mark.parametrize("query", LABELLED, ids=lambda query: query.message)
def test_the_text_that_is_left_is_understood_as_text(query: LabelledQuery) -> None:
    """But for the second of two places, which is left in the text."""
    found = PARSER.parse(query.message)
    again = PARSER.parse(found.text)
    assert {span.field for span in again.spans} <= {"category", *(["place"] if found.place else [])}
    assert again.text == found.text or again.place


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


def steps(message: str) -> int:
    """Function calls of one reading: work without a clock."""
    count = 0

    def counted(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        PARSER.parse(message)
    finally:
        sys.setprofile(before)
    return count


@settings(max_examples=50)
@given(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=4).map(" ".join))
def test_work_grows_with_the_length_of_the_message(fragment: str) -> None:
    assert steps(f"{fragment} " * 200) <= 2.2 * steps(f"{fragment} " * 100) + 100


@given(any_message)
def test_what_is_left_to_search_by_are_words_of_the_message(message: str) -> None:
    found = PARSER.parse(message)
    words = set(re.findall(r"[^\W_]+", message.lower()))
    assert words.issuperset(re.findall(r"[^\W_]+", found.text))


@given(any_message)
def test_any_text_is_understood_the_same_way_twice(message: str) -> None:
    found = PARSER.parse(message)
    assert found == PARSER.parse(message)
    assert all(span.text and span.text in message for span in found.spans)
    if found.min_price_rupiah is not None and found.max_price_rupiah is not None:
        assert 0 <= found.min_price_rupiah <= found.max_price_rupiah
    filters = (
        *(found.min_price_rupiah, found.max_price_rupiah, found.in_stock, found.condition),
        *(found.category, found.place, found.radius_km),
    )
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
