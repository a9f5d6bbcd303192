"""The table of what an operator said of synonyms; knows no product."""

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from warung.database.model import Model


class SynonymRow(Model):
    """An operator's group, or what stands in place of the packaged group of the same slug."""

    __tablename__ = "synonyms"

    slug: Mapped[str] = mapped_column(String(32), primary_key=True)
    words: Mapped[list[str]] = mapped_column(JSON)
    finds: Mapped[list[str]] = mapped_column(JSON)
    unless: Mapped[list[str]] = mapped_column(JSON)
    enabled: Mapped[bool]
