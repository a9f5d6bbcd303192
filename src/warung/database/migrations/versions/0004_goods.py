"""Products with brand, condition, weight, images and a history; suppliers with keys and an account.

Both are versioned, and deleted softly: names and SKUs are unique among what is kept.

Revision ID: 0004
Revises: 0003
"""

from collections.abc import Generator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
KEPT = sa.text("deleted_at IS NULL")
CHECKS = {
    "condition_known": "condition IN ('new', 'used')",
    "weight_range": "weight_grams BETWEEN 1 AND 1000000",
}


def upgrade() -> None:
    upgrade_suppliers()
    upgrade_products()
    create_supplier_keys()
    create_product_history()


def downgrade() -> None:
    op.drop_table("product_history")
    op.drop_table("supplier_keys")
    forget_the_deleted()
    downgrade_products()
    downgrade_suppliers()


def upgrade_suppliers() -> None:
    op.add_column("suppliers", sa.Column("email", sa.String(320)))
    op.add_column("suppliers", sa.Column("user_id", sa.String(36)))
    op.add_column("suppliers", sa.Column("updated_at", MOMENT))
    op.add_column("suppliers", sa.Column("version", sa.BigInteger(), nullable=False, server_default="1"))
    op.add_column("suppliers", sa.Column("deleted_at", MOMENT))
    op.execute("UPDATE suppliers SET updated_at = created_at")
    with altered("suppliers") as batch:
        batch.alter_column("updated_at", existing_type=MOMENT, nullable=False)
        batch.alter_column("version", existing_type=sa.BigInteger(), server_default=None)
        batch.create_foreign_key(
            op.f("fk_suppliers_user_id_users"), "users", ["user_id"], ["id"], ondelete="SET NULL"
        )
        batch.drop_constraint(op.f("uq_suppliers_external_id"), type_="unique")
    for column in ("external_id", "user_id"):
        create_unique_among_kept("suppliers", [column])


def downgrade_suppliers() -> None:
    for column in ("external_id", "user_id"):
        op.drop_index(op.f(f"ix_suppliers_{column}"), table_name="suppliers")
    with altered("suppliers") as batch:
        batch.drop_constraint(op.f("fk_suppliers_user_id_users"), type_="foreignkey")
        for column in ("email", "user_id", "updated_at", "version", "deleted_at"):
            batch.drop_column(column)
        batch.create_unique_constraint(op.f("uq_suppliers_external_id"), ["external_id"])


def upgrade_products() -> None:
    op.add_column("products", sa.Column("brand", sa.String(100)))
    op.add_column("products", sa.Column("condition", sa.String(16), nullable=False, server_default="new"))
    op.add_column("products", sa.Column("weight_grams", sa.Integer()))
    op.add_column("products", sa.Column("images", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("products", sa.Column("version", sa.BigInteger(), nullable=False, server_default="1"))
    op.add_column("products", sa.Column("deleted_at", MOMENT))
    with altered("products") as batch:
        for name, condition in CHECKS.items():
            batch.create_check_constraint(op.f(f"ck_products_{name}"), condition)
        for column, kind in (
            ("condition", sa.String(16)),
            ("images", sa.JSON()),
            ("version", sa.BigInteger()),
        ):
            batch.alter_column(column, existing_type=kind, server_default=None)
        batch.drop_constraint(op.f("uq_products_supplier_id_sku"), type_="unique")
    create_unique_among_kept("products", ["supplier_id", "sku"])


def downgrade_products() -> None:
    op.drop_index(op.f("ix_products_supplier_id_sku"), table_name="products")
    with altered("products") as batch:
        for name in CHECKS:
            batch.drop_constraint(op.f(f"ck_products_{name}"), type_="check")
        for column in ("brand", "condition", "weight_grams", "images", "version", "deleted_at"):
            batch.drop_column(column)
        batch.create_unique_constraint(op.f("uq_products_supplier_id_sku"), ["supplier_id", "sku"])


def create_supplier_keys() -> None:
    op.create_table(
        "supplier_keys",
        sa.Column("id", KEY, nullable=False),
        sa.Column("supplier_id", KEY, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("hint", sa.String(16), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT),
        sa.ForeignKeyConstraint(
            ["supplier_id"],
            ["suppliers.id"],
            name=op.f("fk_supplier_keys_supplier_id_suppliers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplier_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_supplier_keys_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_supplier_keys_supplier_id"), "supplier_keys", ["supplier_id"])


def create_product_history() -> None:
    op.create_table(
        "product_history",
        sa.Column("id", KEY, nullable=False),
        sa.Column("product_id", KEY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("price_rupiah", sa.BigInteger(), nullable=False),
        sa.Column("stock_quantity", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(200)),
        sa.ForeignKeyConstraint(
            ["product_id"],
            ["products.id"],
            name=op.f("fk_product_history_product_id_products"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_history")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_product_history_product_id_id"), "product_history", ["product_id", "id"])


def create_unique_among_kept(table: str, columns: list[str]) -> None:
    name = op.f(f"ix_{table}_{'_'.join(columns)}")
    op.create_index(name, table, columns, unique=True, sqlite_where=KEPT, postgresql_where=KEPT)


def forget_the_deleted() -> None:
    """There was no soft deletion before: what was deleted, and its change logged, goes for good."""
    op.execute(
        "DELETE FROM product_tags WHERE product_id IN (SELECT id FROM products WHERE deleted_at IS NOT NULL)"
    )
    op.execute("DELETE FROM products WHERE deleted_at IS NOT NULL")
    op.execute("DELETE FROM suppliers WHERE deleted_at IS NOT NULL")


@contextmanager
def altered(table: str) -> Generator[BatchOperations]:
    """Alter `table`, which SQLite can only by making it anew: its last id is kept."""
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
    last = sqlite and connection.scalar(sa.select(sequence.c.seq).where(sequence.c.name == table))
    with op.batch_alter_table(table, table_kwargs={"sqlite_autoincrement": True}) as batch:
        yield batch
    if last:
        connection.execute(sa.delete(sequence).where(sequence.c.name == table))
        connection.execute(sa.insert(sequence).values(name=table, seq=last))
