"""The whole house as a newcomer meets it: `warung demo`, the packaged model, real clients, a real browser."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from openai import OpenAI
from playwright.sync_api import Browser, expect

from assistant.chat import own_of, shopper_at, stock_room, text_of
from marketplace import shop_settings
from web.conftest import browser

__all__ = ["browser"]

QUESTION = "laptop gaming Jakarta budget 10 juta"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(folder: Path, model_file: Path) -> Generator[str]:
    """The URL of a demo with an empty data folder."""
    assert model_file.exists()
    environment = {**os.environ, "DATA_DIR": str(folder), "GUEST_REQUESTS_PER_MINUTE": "1000"}
    with subprocess.Popen(
        [sys.executable, "-m", "warung", "demo", "--port", "0"],
        env=environment,
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        said = ""
        for line in process.stderr:
            said += line
            if match := re.search(r"http://127\.0\.0\.1:\d+", line):
                reader = threading.Thread(target=process.stderr.read)  # a full pipe would stop the server
                reader.start()
                yield match.group()
                process.send_signal(signal.SIGTERM)
                reader.join(30)
                break
        assert process.wait(timeout=30) == 0, said


def test_the_answer_recommends_real_rows_within_the_budget_nearest_first(demo: str, folder: Path) -> None:
    with shopper_at(demo) as shopper:
        frames = shopper.frames(message=QUESTION, location="-6.2,106.8")
    own, text = own_of(frames), text_of(frames)
    distances = [card["distance_km"] for card in own["products"]]
    assert len(distances) == 5
    assert distances == sorted(distances)
    with stock_room(shop_settings(folder)) as products:
        rows = products.find([card["id"] for card in own["products"]])
    prices = {f"Rp{row.price_rupiah:,}".replace(",", ".") for row in rows.values()}
    named = set(re.findall(r"Rp[\d.]*\d", text))
    assert named - {"Rp10.000.000"}
    assert named <= prices | {"Rp10.000.000"}
    assert set(re.findall(r"\*\*(.+?)\*\*", text)) <= {row.name for row in rows.values()}
    assert own["usage"]["completion_tokens"] > 0  # a real model spoke, whether or not its words held
    assert frames[-1][1] is None


def test_the_official_client_gets_a_plain_and_a_streamed_completion(demo: str) -> None:
    with OpenAI(base_url=f"{demo}/v1", api_key="unused") as client:
        model = client.models.list().data[0].id
        plain = client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "What is the capital of France?"}],
            max_tokens=12,
            temperature=0,
        )
        chunks = list(
            client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": "What is the capital of France?"}],
                max_tokens=12,
                temperature=0,
                stream=True,
            )
        )
    assert plain.choices[0].message.content
    assert "Paris" in plain.choices[0].message.content
    assert (
        "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == plain.choices[0].message.content
    )
    assert chunks[-1].choices[0].finish_reason in {"stop", "length"}
    assert plain.usage
    assert plain.usage.prompt_tokens > 10


def test_the_page_shows_an_answer_with_its_products(demo: str, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="id-ID")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(demo)
    page.get_by_role("textbox", name="Cari apa hari ini?").fill(QUESTION)
    page.get_by_role("button", name="Kirim").click()
    expect(page.get_by_role("button", name="Kirim")).to_be_visible(timeout=60_000)
    expect(page.locator(".answer")).to_contain_text("Terdekat:")
    expect(page.get_by_text("Rp 10.000.000").first).to_be_visible()
    expect(page.get_by_role("list", name="Produk").get_by_role("listitem")).to_have_count(5)
    assert not errors
    context.close()


def test_health_and_search_answer(demo: str) -> None:
    health = httpx.get(f"{demo}/health").json()
    assert health["ok"] is True
    assert health["modelReady"] is True
    found = httpx.get(f"{demo}/api/products/search", params={"q": "beras 5 kg", "limit": 3}).json()
    assert len(found["products"]) == 3
    assert json.dumps(found["products"]).count("Beras") >= 3
