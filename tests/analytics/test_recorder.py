import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime

from structlog.testing import capture_logs

from waiting import wait_until
from warung.analytics.events import Clicked, Event, Searched, Shown, Used
from warung.analytics.recorder import Recorder
from warung.engine.request import Usage

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Shelf:
    """Where events are written, once the gate is open."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.batches = 0
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def __call__(self, events: Sequence[Event]) -> None:
        self.entered.set()
        assert self.gate.wait(30)
        self.batches += 1
        self.events += events


def test_all_that_was_noted_is_written_by_the_end() -> None:
    shelf = Shelf()
    recorder = Recorder(shelf, clock=lambda: AT)
    recorder.start()
    recorder.searched(
        "guest:1", "Laptop  GAMING?", term=" Laptop  GAMING", understood="", total=3, place=None
    )
    recorder.shown([1, 2])
    recorder.shown([])
    recorder.clicked(2)
    recorder.used("key:a", "/api/chat", Usage(5, 7))
    recorder.used("key:a", "/api/chat", Usage(0, 0))
    recorder.stop()
    day = date(2026, 3, 10)
    assert shelf.events == [
        Searched(AT, "guest:1", "Laptop  GAMING?", "laptop gaming", "", 3, None),
        Shown(day, (1, 2)),
        Clicked(day, 2),
        Used(AT, "key:a", "/api/chat", 5, 7),
    ]
    assert shelf.batches == 1


def test_nothing_is_noted_before_the_start_and_after_the_end() -> None:
    shelf = Shelf()
    recorder = Recorder(shelf)
    recorder.clicked(1)
    recorder.stop()
    recorder.start()
    recorder.stop()
    recorder.clicked(2)
    assert shelf.events == []


def test_nobody_waits_for_a_database_that_hangs_and_what_is_dropped_is_told() -> None:
    shelf = Shelf()
    shelf.gate.clear()
    recorder = Recorder(shelf, most_waiting=3)
    with capture_logs() as logs:
        recorder.start()
        recorder.clicked(0)
        assert shelf.entered.wait(30)
        for number in range(1, 6):
            recorder.clicked(number)
        shelf.gate.set()
        recorder.stop()
    assert [event.product_id for event in shelf.events if isinstance(event, Clicked)] == [0, 1, 2, 3]
    assert [(line["log_level"], line["dropped"]) for line in logs] == [("warning", 2)]


def test_a_batch_that_can_not_be_written_costs_no_other() -> None:
    shelf = Shelf()
    failures = [OSError("disk full")]

    def write(events: Sequence[Event]) -> None:
        if failures:
            raise failures.pop()
        shelf(events)

    recorder = Recorder(write)
    with capture_logs() as logs:
        recorder.start()
        recorder.clicked(1)
        wait_until(lambda: logs)
        recorder.clicked(2)
        recorder.stop()
    assert [event.product_id for event in shelf.events if isinstance(event, Clicked)] == [2]
    assert logs[0]["lost"] == 1


def test_many_threads_may_tell() -> None:
    shelf = Shelf()
    recorder = Recorder(shelf)
    recorder.start()
    telling = [
        threading.Thread(target=lambda: [recorder.clicked(number) for number in range(500)]) for _ in range(8)
    ]
    for thread in telling:
        thread.start()
    for thread in telling:
        thread.join()
    recorder.stop()
    assert len(shelf.events) == 8 * 500
