"""What a turn or a session can't do, beside what its store says."""

from warung.errors import NotFound, Unavailable


class SessionUnknown(NotFound):
    """There is no such session, or it is another owner's, which look the same."""

    default_code = "session_not_found"

    def __init__(self, session_id: str) -> None:
        super().__init__(f"there is no session {session_id}", field="session_id")


class Stopping(Unavailable):
    """This process stops: it begins nothing, or ends what it had begun."""

    default_code = "server_stopping"
    default_retry_after_seconds = 1


class HandedOver(Stopping):
    """The turn goes on elsewhere. Not an end: the reader must come back."""


class Interrupted(Unavailable):
    """The turn can't go on as what it was."""

    default_code = "interrupted"
