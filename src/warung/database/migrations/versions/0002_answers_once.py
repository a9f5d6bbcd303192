"""An answer's key, by which it is stored once however often its producer is replaced.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("answer_key", sa.String(100)))
    op.create_index(op.f("ix_messages_answer_key"), "messages", ["answer_key"], unique=True)


def downgrade() -> None:
    op.drop_index(op.f("ix_messages_answer_key"), table_name="messages")
    op.drop_column("messages", "answer_key")
