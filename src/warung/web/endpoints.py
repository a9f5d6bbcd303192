"""The shopper's page and its files; knows no product and no answer: the page asks the API for both."""

import hashlib
import json
import mimetypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response

from warung.errors import NotFound
from warung.products.categories import load_categories

_STATIC = Path(__file__).parent / "static"

# Product text is untrusted: nothing inline runs, and no script may turn text into markup.
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "Permissions-Policy": "camera=(), geolocation=(self), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

# "no-cache" keeps a copy and asks whether it still holds: a new release never meets an old script.
# Pictures are asked for at every use on the page, so they may be an hour old.
_CACHE_CONTROL = {"image/svg+xml": "max-age=3600"}

_IfNoneMatch = Annotated[str | None, Header()]


@dataclass(frozen=True, slots=True)
class _Asset:
    """A file as it is sent."""

    body: bytes
    media_type: str
    etag: str

    @classmethod
    def of(cls, name: str, body: bytes) -> "_Asset":
        media_type = _media_type(name)
        return cls(body, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')

    def respond(self, if_none_match: str | None, more: Mapping[str, str] | None = None) -> Response:
        """304 when the caller's copy still holds (RFC 9110, section 13.1.2)."""
        headers = {
            **_HEADERS,
            "Cache-Control": _CACHE_CONTROL.get(self.media_type, "no-cache"),
            "ETag": self.etag,
            **(more or {}),
        }
        known = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
        if self.etag in known or "*" in known:
            return Response(status_code=304, headers=headers)
        return Response(self.body, media_type=self.media_type, headers=headers)


def _media_type(name: str) -> str:
    # Of our own: the system's table of types, which a machine may have changed, is not asked about scripts.
    if name.endswith(".js"):
        return "text/javascript"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _load_assets() -> dict[str, _Asset]:
    """The files of static/, and the categories' names by slug as categories.json."""
    bodies = {path.name: path.read_bytes() for path in _STATIC.iterdir() if path.is_file()}
    names = {category.slug: category.name for category in load_categories()}
    bodies["categories.json"] = json.dumps(names, ensure_ascii=False).encode()
    return {name: _Asset.of(name, body) for name, body in bodies.items()}


def create_router(welcome: Callable[[Request], Mapping[str, str]] = lambda _request: {}) -> APIRouter:
    """The page at / and its files under /static/, read once, here. `welcome` adds headers to the page."""
    router = APIRouter(include_in_schema=False)
    assets = _load_assets()
    page = assets.pop("index.html")

    @router.api_route("/", methods=["GET", "HEAD"])
    def show_page(request: Request, if_none_match: _IfNoneMatch = None) -> Response:
        # Private: it may bring a guest's cookie.
        return page.respond(if_none_match, {"Cache-Control": "private, no-cache", **welcome(request)})

    @router.api_route("/static/{name}", methods=["GET", "HEAD"])
    def send_file(name: str, if_none_match: _IfNoneMatch = None) -> Response:
        asset = assets.get(name)
        if asset is None:
            raise NotFound(f"there is no file /static/{name}")
        return asset.respond(if_none_match)

    return router
