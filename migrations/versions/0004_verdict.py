"""A trial's verdict: the code of its first finding, kept to sort and filter by."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("trial", sa.Column("verdict", sa.Text()))


def downgrade() -> None:
    op.drop_column("trial", "verdict")
