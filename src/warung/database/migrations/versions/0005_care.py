"""Delivery services with their first tariffs, the stream of each question, and the operator's analytics.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)

# slug, name, km, grams, least fee, a km, a further kg, hours from, to, and more for each 100 km.
SERVICES = (
    ("instant", "Instan", 40, 20_000, 12_000, 2_500, 1_000, 1, 3, 2.0),
    ("same_day", "Hari yang sama", 60, 10_000, 15_000, 600, 2_000, 4, 10, 2.0),
    ("next_day", "Esok sampai", 1_000, 30_000, 18_000, 35, 12_000, 18, 30, 1.0),
    ("regular", "Reguler", 6_000, 50_000, 9_000, 22, 8_000, 36, 72, 3.0),
    ("cargo", "Kargo", 6_000, 1_000_000, 35_000, 40, 2_500, 72, 120, 5.0),
)


def upgrade() -> None:
    create_delivery_services()
    op.add_column("messages", sa.Column("session_id", sa.String(200)))
    create_analytics()


def downgrade() -> None:
    for table in ("token_usage", "product_views", "searches"):
        op.drop_table(table)
    op.drop_column("messages", "session_id")
    op.drop_table("delivery_services")


def create_delivery_services() -> None:
    services = op.create_table(
        "delivery_services",
        sa.Column("slug", sa.String(32), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("max_km", sa.Integer(), nullable=False),
        sa.Column("max_weight_grams", sa.Integer(), nullable=False),
        sa.Column("min_fee", sa.BigInteger(), nullable=False),
        sa.Column("fee_per_km", sa.BigInteger(), nullable=False),
        sa.Column("fee_per_kg", sa.BigInteger(), nullable=False),
        sa.Column("min_hours", sa.Integer(), nullable=False),
        sa.Column("max_hours", sa.Integer(), nullable=False),
        sa.Column("hours_per_100_km", sa.Float(), nullable=False),
        sa.CheckConstraint(
            "max_km > 0 AND max_weight_grams > 0", name=op.f("ck_delivery_services_limits_positive")
        ),
        sa.CheckConstraint(
            "min_fee >= 0 AND fee_per_km >= 0 AND fee_per_kg >= 0",
            name=op.f("ck_delivery_services_fees_not_negative"),
        ),
        sa.CheckConstraint(
            "min_hours >= 0 AND hours_per_100_km >= 0", name=op.f("ck_delivery_services_hours_not_negative")
        ),
        sa.CheckConstraint("max_hours >= min_hours", name=op.f("ck_delivery_services_hours_in_order")),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_delivery_services")),
    )
    columns = (
        "slug", "name", "max_km", "max_weight_grams", "min_fee", "fee_per_km", "fee_per_kg", "min_hours",
        "max_hours", "hours_per_100_km",
    )  # fmt: skip
    op.bulk_insert(services, [{"enabled": True, **dict(zip(columns, row, strict=True))} for row in SERVICES])


def create_analytics() -> None:
    op.create_table(
        "searches",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("owner", sa.String(200)),
        sa.Column("text", sa.String(500), nullable=False),
        sa.Column("term", sa.String(200), nullable=False),
        sa.Column("understood", sa.String(300), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.String(200)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_searches")),
    )
    op.create_table(
        "product_views",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("shown", sa.BigInteger(), nullable=False),
        sa.Column("clicked", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "product_id", name=op.f("pk_product_views")),
    )
    op.create_table(
        "token_usage",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("route", sa.String(64), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_usage")),
    )
    for table in ("searches", "token_usage"):
        op.create_index(op.f(f"ix_{table}_day"), table, ["day"])
