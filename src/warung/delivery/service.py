"""The delivery services as they are now, read seldom and changed by an operator; knows no route."""

import time
from collections.abc import Callable, Sequence

from warung.accounts.oversight import note
from warung.accounts.principal import Principal
from warung.audit.repository import AuditRepository
from warung.database.session import Database
from warung.delivery.repository import DeliveryRepository
from warung.delivery.schemas import DeliveryLevel, Tariff
from warung.errors import NotFound

_FRESH_SECONDS = 2


class DeliveryService:
    """A change shows at once here, in other processes within two seconds. Safe to share between threads."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: tuple[float, Sequence[DeliveryLevel]] | None = None

    def levels(self) -> Sequence[DeliveryLevel]:
        """All services, the quickest first."""
        now, known = self._clock(), self._known
        if known is None or now >= known[0] + _FRESH_SECONDS:
            with self._database.reading() as session:
                self._known = known = now, tuple(DeliveryRepository(session).levels())
        return known[1]

    def change(self, slug: str, tariff: Tariff, caller: Principal) -> DeliveryLevel:
        """Raises NotFound when there is no such service, Unauthorized and Forbidden for all but operators."""
        caller.require("operator")
        with self._database.transaction() as session:
            repository = DeliveryRepository(session)
            if not repository.change(slug, tariff):
                known = ", ".join(level.slug for level in repository.levels())
                raise NotFound(f"there is no delivery service {slug[:60]!r}; there are {known}", field="slug")
            told = tariff.model_dump(mode="json")
            note(AuditRepository(session), caller, "delivery.change", f"delivery:{slug}", **told)
        self._known = None
        return DeliveryLevel(slug=slug, **tariff.model_dump())
