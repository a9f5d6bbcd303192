"""A client that comes back with its last event's id until it has the whole answer."""

import json
import ssl
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpx

_TIMEOUT = httpx.Timeout(60)
_TLS = ssl.create_default_context()  # made once: it takes longer than a request
_DONE = "[DONE]"


class Way(StrEnum):
    """How to come back."""

    GET = "by GET"
    POST = "by the same POST"
    QUERY = "by the same POST, with the cursor in its query"


@dataclass(slots=True)
class Reader:
    """Reads the answer to `body`, which names its session, and comes back `by` its way; `events` are (index,
    data) as they came, `refusals` the errors that told only that a reading failed."""

    route: str
    body: dict[str, Any]
    by: Way = Way.GET
    events: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    refusals: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)

    @property
    def session_id(self) -> str:
        return self.body["session_id"]

    @property
    def has_ended(self) -> bool:
        return bool(self.events) and self.events[-1][1] == _DONE

    def read(
        self, url: str, *, at: Mapping[int, Callable[[], None]] | None = None, leave_at: int | None = None
    ) -> None:
        """What comes until the connection breaks or the answer ends. `at` tells what to do once so many
        events have come in all, before reading on; with `leave_at` of them this end breaks the connection."""
        with suppress(httpx.TransportError), _client(url) as client:
            client.cookies.update(self.cookies)
            with self._answer(client) as response:
                assert response.status_code == 200, response.read()
                self.cookies.update(response.cookies)
                for index, data in _events(response.iter_lines()):
                    if index is None:
                        self.refusals.append(json.loads(data))
                        return
                    self.events.append((index, data))
                    if act := (at or {}).get(len(self.events)):
                        act()
                    if len(self.events) == leave_at:
                        return

    def _answer(self, client: httpx.Client) -> Any:
        """Begun, or begun again as it was, before the first event; after it the rest."""
        if not self.events:
            return client.stream("POST", self.route, json=self.body)
        cursor = f"{self.session_id}:{self.events[-1][0]}"
        headers = {} if self.by is Way.QUERY else {"Last-Event-ID": cursor}
        if self.by is Way.GET:
            return client.stream("GET", f"{self.route}/{self.session_id}", headers=headers)
        params = {"last_event_id": cursor} if self.by is Way.QUERY else {}
        return client.stream("POST", self.route, json=self.body, headers=headers, params=params)

    def check(self) -> None:
        """No gap, no repeat, one end, and no error."""
        assert [index for index, _ in self.events] == list(range(len(self.events)))
        assert [data for _, data in self.events].count(_DONE) == 1
        assert self.has_ended
        assert [chunk for chunk in self.chunks if "error" in chunk] == []

    @property
    def chunks(self) -> list[dict[str, Any]]:
        return [json.loads(data) for _, data in self.events if data != _DONE]

    @property
    def text(self) -> str:
        return "".join(
            choice["delta"].get("content") or "" for chunk in self.chunks for choice in chunk["choices"]
        )

    @property
    def finish_reasons(self) -> list[str]:
        return [
            choice["finish_reason"]
            for chunk in self.chunks
            for choice in chunk["choices"]
            if choice["finish_reason"]
        ]


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=_TIMEOUT, verify=_TLS)


def _events(lines: Iterable[str]) -> Iterable[tuple[int | None, str]]:
    """As WHATWG HTML reads them: what no blank line follows is none. What has no id is told to this reader
    alone."""
    index, data = None, ""
    for line in lines:
        if line.startswith("id: "):
            index = int(line.rpartition(":")[2])
        elif line.startswith("data: "):
            data = line.removeprefix("data: ")
        elif not line and data:
            yield index, data
            index, data = None, ""
