"""The table of the audit log; knows no account."""

from datetime import datetime

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from warung.database.model import Model
from warung.database.types import BigIntKey, UtcDateTime, utc_now


class AuditRow(Model):
    """Who did what to what. No foreign key: an entry outlives what it tells of."""

    __tablename__ = "audit_log"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigIntKey, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    actor: Mapped[str] = mapped_column(String(200), index=True)
    action: Mapped[str] = mapped_column(String(64), index=True)
    target: Mapped[str] = mapped_column(String(200), index=True)
    details: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
