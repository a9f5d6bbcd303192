"""Hours that pass at once."""

import asyncio
from collections.abc import Awaitable, Callable


class TravelLoop(asyncio.SelectorEventLoop):
    """An event loop in which seconds pass when the test says so."""

    skipped_seconds = 0.0

    def time(self) -> float:
        return super().time() + self.skipped_seconds


def travelling(test: Callable[[TravelLoop], Awaitable[None]]) -> None:
    """Run the test on such a loop."""
    loop = TravelLoop()

    async def main() -> None:
        await test(loop)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
