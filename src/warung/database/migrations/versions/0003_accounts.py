"""Passwords, roles and phones of accounts; sign-ins and their tokens; the audit log.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    change_users()
    create_logins()
    create_tokens()
    create_audit_log()


def downgrade() -> None:
    for table in ("audit_log", "tokens", "logins"):
        op.drop_table(table)
    op.drop_index(op.f("ix_users_created_at_id"), table_name="users")
    with op.batch_alter_table("users") as users:
        users.drop_constraint(op.f("ck_users_role_known"), type_="check")
        for column in ("role", "phone", "password_hash"):
            users.drop_column(column)


def change_users() -> None:
    op.execute("UPDATE users SET email = lower(email)")
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("password_hash", sa.String(200)))
        users.add_column(sa.Column("phone", sa.String(32)))
        users.add_column(sa.Column("role", sa.String(16), nullable=False, server_default="shopper"))
        users.create_check_constraint(
            op.f("ck_users_role_known"), "role IN ('shopper', 'supplier', 'operator')"
        )
    op.create_index(op.f("ix_users_created_at_id"), "users", ["created_at", "id"])


def create_logins() -> None:
    op.create_table(
        "logins",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_logins_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logins")),
    )
    op.create_index(op.f("ix_logins_user_id"), "logins", ["user_id"])


def create_tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("login_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT),
        sa.CheckConstraint("kind IN ('access', 'refresh')", name=op.f("ck_tokens_kind_known")),
        sa.ForeignKeyConstraint(
            ["login_id"], ["logins.id"], name=op.f("fk_tokens_login_id_logins"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_tokens")),
    )
    op.create_index(op.f("ix_tokens_login_id"), "tokens", ["login_id"])


def create_audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("target", sa.String(200), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
        sqlite_autoincrement=True,
    )
    for column in ("actor", "action", "target"):
        op.create_index(op.f(f"ix_audit_log_{column}"), "audit_log", [column])
