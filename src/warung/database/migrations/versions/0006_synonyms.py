"""What an operator says of synonyms.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "synonyms",
        sa.Column("slug", sa.String(32), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("finds", sa.JSON(), nullable=False),
        sa.Column("unless", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_synonyms")),
    )


def downgrade() -> None:
    op.drop_table("synonyms")
