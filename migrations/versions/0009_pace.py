"""How much the time of a sweep's epochs varies."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "sweep", sa.Column("measured_steps", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    op.add_column(
        "sweep", sa.Column("measured_squares", sa.Double(), nullable=False, server_default=sa.text("0"))
    )


def downgrade() -> None:
    op.drop_column("sweep", "measured_squares")
    op.drop_column("sweep", "measured_steps")
