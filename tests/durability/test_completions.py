"""Completions of real servers that are killed with kill -9 again and again: every event comes exactly once.

FAULT_KILLS is the number of kills of each test.
"""

import random
import signal
from functools import partial
from pathlib import Path

from durability.replica import Replica
from durability.stories import KILLS, asked, check

KILLS_PER_STREAM = 4
MOST_BETWEEN = 300


def test_an_answer_survives_the_death_of_the_only_server(kept: dict[str, str], folder: Path) -> None:
    dice = random.Random(KILLS)
    with Replica(folder, folder / "log", **kept) as server:
        for first in range(0, KILLS, KILLS_PER_STREAM):
            reader = asked(first)
            for _ in range(first, min(first + KILLS_PER_STREAM, KILLS)):
                reader.read(server.url, at={len(reader.events) + dice.randint(1, MOST_BETWEEN): server.kill})
                server.kill()  # also when the answer was whole before
                server.start()
            reader.read(server.url)
            check(reader)
        assert server.takeovers


def test_another_replica_goes_on_for_the_one_that_died(kept: dict[str, str], folder: Path) -> None:
    dice = random.Random(KILLS)
    with Replica(folder, folder / "log-1", **kept) as one, Replica(folder, folder / "log-2", **kept) as two:
        for number in range(0, KILLS, 2):
            reader = asked(number)
            reader.read(one.url, at={dice.randint(1, MOST_BETWEEN): one.kill})
            one.kill()
            one.start()
            # Whoever took it over, the one reads of the other's turn, or goes on by itself.
            reader.read(one.url, at={len(reader.events) + dice.randint(1, MOST_BETWEEN): two.kill})
            check(reader)
            two.kill()
            two.start()
        assert one.takeovers + two.takeovers


def test_a_server_that_is_told_to_stop_and_again_leaves_its_answers_to_the_next(
    kept: dict[str, str], folder: Path
) -> None:
    with Replica(folder, folder / "log", STOP_WITHIN_SECONDS="600", **kept) as server:
        reader = asked(1)
        twice = {100: server.tell_to_stop, 200: partial(server.tell_to_stop, signal.SIGINT)}
        reader.read(server.url, at=twice)
        assert not reader.has_ended
        assert "error" not in reader.chunks[-1]
        assert server.wait() == 0
        assert "Traceback" not in server.log
        server.start()
        reader.read(server.url)
        check(reader)
        assert server.takeovers == 1


def test_a_server_that_is_told_to_stop_lets_a_short_answer_end(kept: dict[str, str], folder: Path) -> None:
    with Replica(folder, folder / "log", STOP_WITHIN_SECONDS="60", **kept) as server:
        reader = asked(1)
        reader.read(server.url, at={100: server.tell_to_stop})
        check(reader)
        assert server.wait() == 0
        assert server.takeovers == 0
