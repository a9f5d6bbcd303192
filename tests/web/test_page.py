"""The page at /, in a real browser, over real connections."""

import json

import pytest
from fastapi.responses import JSONResponse
from playwright.sync_api import Browser, Page, expect

from waiting import wait_until
from web.stall import UNDERSTOOD, Cut, Script, Stall, answer, card, chunk, failure
from web.visit import Visit

QUESTION = "laptop gaming Jakarta budget 10 juta"
LAPTOP = card(1, "ASUS TUF Gaming F15")
PIECES = ["Untuk budget itu, ", "**ASUS TUF", " Gaming F15** ", "paling cocok 👍.\n", "Ada ", "di dekatmu."]
WHOLE = ["Untuk budget itu, ASUS TUF Gaming F15 paling cocok 👍.", "Ada di dekatmu."]


def ask(page: Page, question: str = QUESTION) -> None:
    page.get_by_role("textbox", name="Cari apa hari ini?").fill(question)
    page.get_by_role("button", name="Kirim").click()


def expect_whole_answer(page: Page) -> None:
    expect(page.get_by_role("button", name="Kirim")).to_be_visible()
    expect(page.locator(".answer p")).to_have_text(WHOLE)


def test_asking_shows_the_question_what_was_understood_the_answer_and_the_cards(
    visit: Visit, stall: Stall
) -> None:
    delivery = [{"service": "courier", "name": "Kurir toko", "fee": 15_000, "min_hours": 2, "max_hours": 5}]
    sold_out = card(2, "HP Victus 15", stock_quantity=0, distance_km=None, delivery=delivery)
    stall.script = Script(answer(PIECES, LAPTOP, sold_out))
    ask(visit.page)
    expect_whole_answer(visit.page)
    expect(visit.page.locator(".question")).to_have_text(QUESTION)
    expect(visit.page.locator(".answer strong")).to_have_text("ASUS TUF Gaming F15")
    expect(visit.page.locator(".understood li")).to_have_text(
        ["Kategori Laptop", "Budget sampai Rp 10.000.000", "Tempat Jakarta (30 km)"]
    )
    first, second = visit.page.locator(".card").all()
    for text in (
        "ASUS TUF Gaming F15",
        "Rp 9.499.000",
        "Stok 12",
        "Toko Sinar Jaya",
        "Jakarta Pusat",
        "3,2 km",
    ):
        expect(first).to_contain_text(text)
    expect(second).to_contain_text("Habis")
    expect(second).to_contain_text("Kurir toko Rp 15.000, 2-5 jam")
    expect(second).not_to_contain_text("km")
    expect(visit.page.get_by_text("disusun oleh warung")).to_be_hidden()
    assert visit.console_errors == []


def test_a_link_to_a_product_shows_it(visit: Visit, stall: Stall) -> None:
    stall.products = {1: LAPTOP | {"name": "<img src=x onerror=alert(1)> F15"}}
    visit.page.goto(f"{stall.url}/?product=1")
    shown = visit.page.get_by_role("region", name="Produk").locator(".card")
    expect(shown).to_contain_text("<img src=x onerror=alert(1)> F15")
    expect(shown).to_contain_text("Rp 9.499.000")
    assert (visit.console_errors, visit.dialogs) == ([], [])
    for gone in ("2", "x", "-1"):
        visit.page.goto(f"{stall.url}/?product={gone}")
        expect(visit.page.get_by_text("Produk itu sudah tidak ada")).to_be_visible()
    visit.page.goto(stall.url)
    expect(visit.page.get_by_role("region", name="Produk")).to_be_hidden()


def test_suppliers_are_compared_on_demand(visit: Visit, stall: Stall) -> None:
    delivery = [{"service": "regular", "name": "Reguler", "fee": 9_000, "min_hours": 36, "max_hours": 72}]
    stall.script = Script(answer(PIECES, LAPTOP))
    stall.offers = [
        card(8, "ASUS TUF", price=9_100_000, distance_km=12.5, delivery=delivery),
        card(9, "ASUS TUF", price=8_900_000, distance_km=None),
    ]
    ask(visit.page)
    expect_whole_answer(visit.page)
    assert (stall.offers_asked, stall.clicked) == ([], [])
    compare = visit.page.get_by_role("button", name="Bandingkan penjual")
    compare.click()
    offers = visit.page.get_by_role("list", name="Penjual lain: ASUS TUF Gaming F15").get_by_role("listitem")
    expect(offers).to_have_text(
        [
            "Rp 9.100.000Toko Sinar JayaJakarta Pusat, 12,5 km. Reguler Rp 9.000, 1-3 hari",
            "Rp 8.900.000Toko Sinar JayaJakarta Pusat",
        ]
    )
    compare.click()
    expect(offers).to_have_count(0)
    compare.click()
    expect(offers).to_have_count(2)
    assert stall.offers_asked == ["/api/products/1/offers?limit=5&location=-6.2%2C106.8"]
    wait_until(lambda: stall.clicked == [1])


def test_offers_that_can_not_be_had_are_asked_for_again(visit: Visit, stall: Stall) -> None:
    stall.script, stall.offers = Script(answer(PIECES, LAPTOP)), None
    ask(visit.page)
    compare = visit.page.get_by_role("button", name="Bandingkan penjual")
    compare.click()
    expect(visit.page.locator(".offers")).to_have_text(
        "Penjual lain belum bisa dimuat. Tutup, lalu buka lagi."
    )
    stall.offers = []
    for _ in range(2):
        compare.click()
    expect(visit.page.locator(".offers")).to_have_text("Belum ada penjual lain.")


def test_later_products_replace_earlier_ones_and_a_composed_summary_is_said_to_be_one(
    visit: Visit, stall: Stall
) -> None:
    candidates = [LAPTOP, card(2, "HP Victus 15")]
    stall.script = Script(
        [
            chunk(conversation_id="percakapan-41", products=candidates),
            chunk("Ini."),
            chunk(products=[LAPTOP], composed=True),
            "[DONE]",
        ]
    )
    ask(visit.page)
    expect(visit.page.get_by_text("disusun oleh warung")).to_be_visible()
    expect(visit.page.locator(".card .name")).to_have_text(["ASUS TUF Gaming F15"])


def test_a_follow_up_goes_on_in_the_same_conversation(visit: Visit, stall: Stall) -> None:
    stall.script = Script(answer(PIECES, LAPTOP))
    visit.page.get_by_role("button", name="beras 5 kg terdekat").click()
    expect_whole_answer(visit.page)
    ask(visit.page, "yang lebih murah")
    expect(visit.page.locator(".exchange")).to_have_count(2)
    expect(visit.page.get_by_role("button", name="Kirim")).to_be_visible()
    first, second = stall.asked
    assert first["message"] == "beras 5 kg terdekat"
    assert "conversation_id" not in first
    assert second["conversation_id"] == "percakapan-41"
    assert first["session_id"] != second["session_id"]


@pytest.mark.parametrize("cut", list(Cut))
def test_a_broken_connection_is_resumed_without_a_lost_or_repeated_character(
    visit: Visit, stall: Stall, cut: Cut
) -> None:
    stall.script = Script(answer(PIECES, LAPTOP), hold_after=3, cut_after=(3, 5), cut=cut)
    ask(visit.page)
    expect(visit.page.locator(".answer")).to_have_text("Untuk budget itu, ASUS TUF")
    stall.release()
    expect_whole_answer(visit.page)
    assert len(stall.asked) == 1
    # At the second break the browser may drop what it has received and not yet handed over.
    assert stall.resumed[0] == f"{stall.asked[0]['session_id']}:2"
    assert len(stall.resumed) == 2


def test_a_connection_broken_before_the_first_event_asks_again_for_the_same_session(
    visit: Visit, stall: Stall
) -> None:
    stall.script = Script(answer(PIECES, LAPTOP), cut_after=(0,), cut=Cut.MID_EVENT)
    ask(visit.page)
    expect_whole_answer(visit.page)
    first, second = stall.asked
    assert first == second
    assert stall.resumed == []


def test_a_refresh_in_the_middle_of_an_answer_goes_on_where_it_was(visit: Visit, stall: Stall) -> None:
    stall.script = Script(answer(PIECES, LAPTOP), hold_after=3)
    ask(visit.page)
    expect(visit.page.locator(".answer")).to_have_text("Untuk budget itu, ASUS TUF")
    visit.page.reload()
    expect(visit.page.locator(".question")).to_have_text(QUESTION)
    expect(visit.page.locator(".answer")).to_have_text("Untuk budget itu, ASUS TUF")
    expect(visit.page.locator(".card")).to_have_count(1)
    stall.release()
    expect_whole_answer(visit.page)
    assert len(stall.asked) == 1
    assert stall.resumed == [f"{stall.asked[0]['session_id']}:2"]


def test_a_refresh_after_the_answer_shows_it_and_asks_nothing(visit: Visit, stall: Stall) -> None:
    stall.script = Script(answer(PIECES, LAPTOP))
    ask(visit.page)
    expect_whole_answer(visit.page)
    visit.page.reload()
    expect_whole_answer(visit.page)
    expect(visit.page.locator(".card")).to_have_count(1)
    assert (len(stall.asked), stall.resumed) == (1, [])
    visit.page.get_by_role("button", name="Mulai baru").click()
    expect(visit.page.locator(".exchange")).to_have_count(0)
    visit.page.reload()
    expect(visit.page.locator(".exchange")).to_have_count(0)


def test_product_text_stays_text(visit: Visit, stall: Stall) -> None:
    hostile = "<img src=x onerror=\"alert('img')\"><script>alert('script')</script><b>tebal</b>"
    supplier = {**LAPTOP["supplier"], "business_name": hostile, "city": hostile}
    bad_card = card(1, hostile, description=hostile, category=hostile, supplier=supplier)
    understood = {"text": hostile, "category": hostile, "spans": [{"field": "category", "text": hostile}]}
    stall.script = Script(
        [chunk(understood=understood, products=[bad_card]), chunk(f"**{hostile}**"), "[DONE]"]
    )
    ask(visit.page, hostile)
    expect(visit.page.locator(".name")).to_have_text(hostile)
    expect(visit.page.locator(".answer strong")).to_have_text(hostile)
    expect(visit.page.locator(".question")).to_have_text(hostile)
    expect(visit.page.get_by_role("button", name="Kirim")).to_be_visible()
    assert visit.page.locator("#conversation").locator("img, script, a, iframe").count() == 0
    assert visit.dialogs == []
    assert visit.console_errors == []


def test_stop_ends_the_answer_and_keeps_what_was_said(visit: Visit, stall: Stall) -> None:
    stall.script = Script(answer(PIECES, LAPTOP), hold_after=3)
    ask(visit.page)
    expect(visit.page.locator(".answer")).to_have_text("Untuk budget itu, ASUS TUF")
    visit.page.get_by_role("button", name="Berhenti").click()
    expect(visit.page.get_by_text("Dihentikan.")).to_be_visible()
    expect(visit.page.locator(".answer")).to_have_text("Untuk budget itu, **ASUS TUF")
    expect(visit.page.get_by_role("button", name="Kirim")).to_be_visible()
    expect(visit.page.locator(".problem:visible")).to_have_count(0)
    assert stall.cancelled == [stall.asked[0]["session_id"]]


def test_a_refusal_is_explained_and_can_be_tried_again(visit: Visit, stall: Stall) -> None:
    problem = {"title": "Too many", "status": 429, "code": "too_many_requests", "detail": "20 a minute"}
    stall.script = Script(refusal=JSONResponse(problem, 429, headers={"Retry-After": "7"}))
    ask(visit.page)
    expect(visit.page.get_by_role("alert")).to_contain_text("Warung sedang ramai. Coba lagi dalam 7 detik")
    stall.script = Script(answer(PIECES, LAPTOP))
    visit.page.get_by_role("button", name="Coba lagi").click()
    expect_whole_answer(visit.page)
    expect(visit.page.locator(".exchange")).to_have_count(1)
    assert stall.asked[0]["session_id"] != stall.asked[1]["session_id"]


def test_a_failure_in_mid_answer_is_explained(visit: Visit, stall: Stall) -> None:
    stall.script = Script([chunk("Sebentar"), *failure("engine_failed", "out of memory", 503)])
    ask(visit.page)
    expect(visit.page.get_by_role("alert")).to_contain_text("Warung masih bersiap-siap")
    expect(visit.page.locator(".answer")).to_have_text("Sebentar")
    visit.page.reload()
    expect(visit.page.get_by_role("button", name="Coba lagi")).to_be_visible()
    assert stall.resumed == []


def test_a_session_that_is_gone_says_so(visit: Visit, stall: Stall) -> None:
    stall.script = Script(answer(PIECES, LAPTOP), cut_after=(3,))
    ask(visit.page)
    expect_whole_answer(visit.page)
    kept = json.loads(visit.page.evaluate("sessionStorage.getItem('warung')"))
    lost = {
        **kept["exchanges"][0],
        "sessionId": "lost-session",
        "lastEventId": "lost-session:2",
        "phase": "running",
    }
    state = json.dumps({**kept, "exchanges": [lost]})
    visit.page.goto("about:blank")
    visit.page.add_init_script(
        f"if (location.protocol === 'http:') sessionStorage.setItem('warung', {state!r})"
    )
    visit.page.goto("/")
    expect(visit.page.get_by_role("alert")).to_contain_text("sudah tidak tersimpan")


def test_the_shoppers_place_is_sent_when_allowed(visit: Visit, stall: Stall) -> None:
    visit.page.context.grant_permissions(["geolocation"])
    visit.page.context.set_geolocation({"latitude": -6.914744, "longitude": 107.60981})
    visit.page.get_by_role("button", name="Pakai lokasi saya").click()
    expect(visit.page.get_by_role("button", name="Lokasi saya dipakai")).to_have_attribute(
        "aria-pressed", "true"
    )
    stall.script = Script(answer(PIECES, LAPTOP))
    ask(visit.page)
    expect_whole_answer(visit.page)
    assert stall.asked[0]["location"] == "-6.915,107.610"


def test_asking_for_the_nearest_without_a_place_tells_how_to_give_one(visit: Visit, stall: Stall) -> None:
    stall.script = Script([chunk(understood={**UNDERSTOOD, "sort": "distance", "place": None}), "[DONE]"])
    ask(visit.page, "beras 5 kg terdekat")
    expect(visit.page.get_by_text("Supaya yang terdekat bisa dihitung")).to_be_visible()
    expect(visit.page.locator(".understood")).not_to_contain_text("terdekat")


def test_without_the_shoppers_place_it_works_as_well(visit: Visit, stall: Stall) -> None:
    visit.page.get_by_role("button", name="Pakai lokasi saya").click()
    expect(visit.page.get_by_text("Tidak apa-apa, lokasimu tidak dipakai.")).to_be_visible()
    stall.script = Script(answer(PIECES, LAPTOP))
    ask(visit.page)
    expect_whole_answer(visit.page)
    assert "location" not in stall.asked[0]


@pytest.mark.parametrize("width", [320, 360])
def test_a_phone_needs_no_sideways_scroll(browser: Browser, stall: Stall, width: int) -> None:
    long_word = "KampasRemDepanBelakang" * 6
    stall.script = Script(answer([f"Ini {long_word}."], card(1, long_word, price=10**15, distance_km=1234.5)))
    with browser.new_context(
        base_url=stall.url, viewport={"width": width, "height": 740}, is_mobile=True, has_touch=True
    ) as context:
        page = context.new_page()
        page.goto("/")
        sideways = "document.documentElement.scrollWidth - innerWidth"
        assert page.evaluate(sideways) <= 0
        ask(page, long_word)
        expect(page.locator(".card")).to_be_visible()
        assert page.evaluate(sideways) <= 0


def test_it_can_be_used_by_keyboard_alone(visit: Visit, stall: Stall) -> None:
    stall.script = Script(answer(PIECES, LAPTOP))
    visit.page.get_by_role("textbox", name="Cari apa hari ini?").focus()
    visit.page.keyboard.type(QUESTION)
    visit.page.keyboard.press("Enter")
    expect_whole_answer(visit.page)
    expect(visit.page.get_by_role("textbox", name="Cari apa hari ini?")).to_be_focused()
    expect(visit.page.locator(".answer")).to_have_attribute("aria-live", "polite")
    expect(visit.page.locator(".answer")).to_have_attribute("aria-busy", "false")
