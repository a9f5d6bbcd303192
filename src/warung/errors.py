"""The errors warung raises on purpose; knows no web framework and no feature.

WarungError (500)
├── InvalidInput (422)      the caller's value is wrong; `field` names it
├── Unauthorized (401)      no valid credential
├── Forbidden (403)         a valid credential without the right
├── NotFound (404)          absent, or not the caller's to see
├── Conflict (409)          clashes with the present state
├── Gone (410)              was here, is no longer kept
├── PreconditionFailed (412) no longer at the version that the caller names
├── TooManyRequests (429)   a limit is reached; `retry_after_seconds` says when to return
├── NotSupported (501)      asked for by name, and not offered here
└── Unavailable (503)       a part that the answer needs is not ready
"""


class WarungError(Exception):
    """An error with an HTTP `status`, a stable machine-readable `code` and a message for people.

    `field` is the path of the offending input ("messages.0.role"), `retry_after_seconds` when
    trying again makes sense. The message names the field's problem and the fix.
    """

    status: int = 500
    default_code: str = "internal_error"
    default_retry_after_seconds: int | None = None

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        code: str | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.code = code or self.default_code
        self.retry_after_seconds = (
            self.default_retry_after_seconds if retry_after_seconds is None else retry_after_seconds
        )


class InvalidInput(WarungError):
    status = 422
    default_code = "invalid_input"


class Unauthorized(WarungError):
    status = 401
    default_code = "unauthorized"


class Forbidden(WarungError):
    status = 403
    default_code = "forbidden"


class NotFound(WarungError):
    status = 404
    default_code = "not_found"


class Conflict(WarungError):
    status = 409
    default_code = "conflict"


class Gone(WarungError):
    status = 410
    default_code = "gone"


class PreconditionFailed(WarungError):
    status = 412
    default_code = "precondition_failed"


class TooManyRequests(WarungError):
    status = 429
    default_code = "too_many_requests"


class NotSupported(WarungError):
    status = 501
    default_code = "not_supported"


class Unavailable(WarungError):
    status = 503
    default_code = "unavailable"
