"""Which preflight a worker runs."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("worker", sa.Column("preflight_id", sa.Integer()))


def downgrade() -> None:
    op.drop_column("worker", "preflight_id")
