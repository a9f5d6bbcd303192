"""What operators do to what is somebody else's stands in the audit log."""

from warung.accounts.principal import Principal
from warung.audit.repository import AuditRepository


def note(audit: AuditRepository, caller: Principal, action: str, target: str, **details: object) -> None:
    """An entry, if the caller is an operator; what others do to their own is nobody else's business."""
    if caller.role == "operator":
        audit.add(caller.owner, action, target, **details)
