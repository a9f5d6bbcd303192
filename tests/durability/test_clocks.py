"""Clocks that are put forward or back by hours while an answer is given: nothing is lost or told twice."""

from functools import partial
from pathlib import Path

import httpx
import pytest

from durability.replica import Replica
from durability.stories import asked, check
from durability.wall_clock import WallClock

JUMPS_SECONDS = [5 * 3600, -5 * 3600, 30 * 24 * 3600]
EVENTS_BETWEEN = 800
# Far more than a busy machine holds a producer up, and far less than a jump.
LEASE_SECONDS = "60"


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    return WallClock(tmp_path / "clock")


def tell_while_it_jumps(server: Replica, clock: WallClock) -> None:
    reader = asked(1)
    jumps = enumerate(JUMPS_SECONDS, 1)
    reader.read(server.url, at={EVENTS_BETWEEN * number: partial(clock.jump, jump) for number, jump in jumps})
    check(reader)


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)  # with Redis its clock alone counts
def test_the_clock_of_one_replica_jumps_and_nobody_notices(
    kept: dict[str, str], folder: Path, clock: WallClock
) -> None:
    kept = {**kept, "LEASE_SECONDS": LEASE_SECONDS}
    with (
        Replica(folder, folder / "log-1", **kept, **clock.environment) as one,
        Replica(folder, folder / "log-2", **kept) as two,
    ):
        tell_while_it_jumps(one, clock)
        assert one.takeovers + two.takeovers == 0
        for replica in (one, two):  # it ended a moment ago, whatever the clock says
            assert httpx.get(f"{replica.url}/v1/chat/completions/session-1").status_code == 200
