"""The machine: what it is, and who else is busy on it; knows no server."""

import os
import platform
import signal
import sys
from pathlib import Path
from types import FrameType

import psutil

_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile")
_CPUINFO = Path("/proc/cpuinfo")
_IDLE_CORES = 0.1


def leave_when_told() -> None:
    """Makes SIGTERM an exception, so that a started server is stopped."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        sys.exit(1)

    signal.signal(signal.SIGTERM, leave)


def require_idle(*, force: bool) -> float:
    """The cores that others use now. Exits when they are too many."""
    busy = busy_cores()
    if busy > _IDLE_CORES and not force:
        sys.exit(
            f"The machine is busy ({busy:.2f} cores; at most {_IDLE_CORES} for honest figures):"
            " stop what runs on it, or measure all the same with --force"
        )
    return busy


def busy_cores(seconds: float = 2) -> float:
    """Cores that were not idle during this time, by all processes of the machine and its neighbours."""
    before = busy_seconds()
    psutil.cpu_percent(interval=seconds)
    return (busy_seconds() - before) / seconds


def busy_seconds() -> float:
    """Core-seconds of work since the machine began; time stolen by its neighbours counts."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0)
    # Linux counts the time of guests in that of their users already.
    guests = getattr(times, "guest", 0) + getattr(times, "guest_nice", 0)
    return sum(times) - idle - guests


def describe() -> dict[str, str]:
    """What a reader must know to compare figures with another machine's."""
    model, flags = _cpu()
    return {
        "processor": model or platform.processor() or platform.machine(),
        "instructions": ", ".join(flag for flag in _FLAGS if flag in flags) or "unknown",
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
    }


def _cpu() -> tuple[str, frozenset[str]]:
    """Model name and flags of the first core; empty where the system has no such file."""
    if not _CPUINFO.exists():
        return "", frozenset()
    pairs = (line.partition(":") for line in _CPUINFO.read_text().split("\n\n")[0].splitlines())
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    family = f"family {fields.get('cpu family', '?')} model {fields.get('model', '?')}"
    return f"{fields.get('model name', '')} ({family})", frozenset(fields.get("flags", "").split())
