import csv
from collections import Counter
from importlib.resources import files

import pytest

from warung.gazetteer.places import Gazetteer, Place
from warung.geo import Coordinates, distance_km

GAZETTEER = Gazetteer.load()
ROWS = list(
    csv.DictReader(
        files("warung.gazetteer").joinpath("places.tsv").read_text(encoding="utf-8").splitlines(),
        delimiter="\t",
    )
)


def found(name: str) -> Place:
    place = GAZETTEER.find(name)
    assert place is not None, name
    return place


def test_every_kabupaten_kota_and_province_is_there_and_found_by_its_full_name() -> None:
    assert Counter(row["kind"] for row in ROWS) == {"kota": 98, "kabupaten": 416, "province": 38}
    prefix = {"kota": "kota", "kabupaten": "kabupaten", "province": "provinsi"}
    for row in ROWS:
        place = found(f"{prefix[row['kind']]} {row['name']}")
        assert (place.name, place.kind, place.province) == (row["name"], row["kind"], row["province"])


def test_every_place_lies_in_indonesia_and_within_reach_of_its_province() -> None:
    provinces = {row["name"]: found(f"provinsi {row['name']}") for row in ROWS if row["kind"] == "province"}
    for row in ROWS:
        here = Coordinates(float(row["lat"]), float(row["lng"]))
        assert -11.1 < here.lat < 6.1, row
        assert 95 < here.lng < 141.1, row
        province = provinces[row["province"]]
        assert distance_km(here, province.location) <= province.radius_km, row


def test_no_place_is_far_from_all_others_of_its_province() -> None:
    # Archipelagos whose islands really lie this far apart.
    islands = {"Natuna", "Kepulauan Anambas", "Kepulauan Tanimbar", "Maluku Barat Daya"}
    towns = [
        (row["province"], row["name"], Coordinates(float(row["lat"]), float(row["lng"])))
        for row in ROWS
        if row["kind"] != "province"
    ]
    far = {
        name
        for province, name, here in towns
        if min(distance_km(here, there) for p, n, there in towns if p == province and n != name) > 250.01
    }
    assert far <= islands


@pytest.mark.parametrize(
    ("name", "lat", "lng"),
    [
        ("Binjai", 3.60, 98.48),
        ("Empat Lawang", -3.59, 103.08),
        ("Kepulauan Mentawai", -2.03, 99.59),
        ("Merauke", -8.50, 140.41),
        ("Jakarta", -6.1754, 106.8272),
        ("Denpasar", -8.65, 115.22),
        ("Makassar", -5.15, 119.43),
        ("Kota Sorong", -0.88, 131.26),
    ],
)
def test_known_coordinates(name: str, lat: float, lng: float) -> None:
    assert distance_km(found(name).location, Coordinates(lat, lng)) < 12


@pytest.mark.parametrize(
    ("name", "expected", "kind"),
    [
        ("Bandung", "Bandung", "kota"),
        ("kab bandung", "Bandung", "kabupaten"),
        ("Kab. Bandung", "Bandung", "kabupaten"),
        ("Bogor", "Bogor", "kota"),
        ("bekasi", "Bekasi", "kota"),
        ("Jambi", "Jambi", "kota"),
        ("provinsi jambi", "Jambi", "province"),
        ("jaksel", "Jakarta Selatan", "kota"),
        ("DIY", "Daerah Istimewa Yogyakarta", "province"),
        ("jogja", "Yogyakarta", "region"),
        ("solo", "Surakarta", "kota"),
        ("ujung pandang", "Makassar", "kota"),
        ("tangsel", "Tangerang Selatan", "kota"),
        ("bali", "Bali", "province"),
        ("lombok", "Lombok", "region"),
        ("jateng", "Jawa Tengah", "province"),
        ("kelapa gading", "Kelapa Gading", "region"),
    ],
)
def test_what_people_type(name: str, expected: str, kind: str) -> None:
    place = found(name)
    assert (place.name, place.kind) == (expected, kind)


def test_the_longest_name_wins() -> None:
    words = ["sofa", "bandung", "barat", "murah"]
    match = GAZETTEER.match(words, 1)
    assert match is not None
    assert (match[0].name, match[1]) == ("Bandung Barat", 2)


def test_a_name_does_not_match_past_the_end() -> None:
    match = GAZETTEER.match(["di", "bandung"], 1)
    assert match is not None
    assert match[1] == 1


@pytest.mark.parametrize("word", ["batu", "palu", "tegal", "buru", "metro", "kuningan", "landak", "diy"])
def test_an_everyday_word_is_a_place_only_behind_a_locative(word: str) -> None:
    assert GAZETTEER.match(["jual", word], 1) is None
    assert GAZETTEER.match(["di", word], 1) is not None


def test_an_unknown_name_is_no_place() -> None:
    assert GAZETTEER.find("Atlantis") is None
    assert GAZETTEER.find("") is None
    assert GAZETTEER.match(["laptop"], 0) is None


def test_it_is_read_once() -> None:
    assert Gazetteer.load() is Gazetteer.load()


@pytest.mark.parametrize(
    ("typed", "meant"), [("Bandug", "Bandung"), ("surabya", "Surabaya"), ("Jogjakrta", "Yogyakarta")]
)
def test_a_misspelt_place_is_suggested_by_a_name_that_is_found(typed: str, meant: str) -> None:
    gazetteer = Gazetteer.load()
    assert gazetteer.find(typed) is None
    assert gazetteer.suggest(typed)[0] == meant
    assert gazetteer.find(meant) is not None


def test_for_what_is_no_place_nothing_is_suggested() -> None:
    assert Gazetteer.load().suggest("xyzzy" * 1000) == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(["bandug"], "Bandung"), (["jakrta", "selatn"], "Jakarta Selatan"), (["banjarmasn"], "Banjarmasin")],
)
def test_a_slip_in_a_long_name_is_mended_where_a_place_must_stand(typed: list[str], meant: str) -> None:
    assert GAZETTEER.match(typed, 0) is None
    match = GAZETTEER.match_misspelt(typed, 0, sure=True)
    assert match is not None
    assert (match[0].name, match[1]) == (meant, len(typed))


def test_anywhere_else_only_the_largest_cities_are_known_by_a_slip() -> None:
    assert GAZETTEER.match_misspelt(["surabya"], 0, sure=False) is not None
    assert GAZETTEER.match_misspelt(["kebumn"], 0, sure=False) is None


@pytest.mark.parametrize("word", ["banding", "bandeng", "kelinci", "sekarang", "samping"])
def test_everyday_words_are_no_misspelt_places(word: str) -> None:
    assert GAZETTEER.match_misspelt([word], 0, sure=True) is None
