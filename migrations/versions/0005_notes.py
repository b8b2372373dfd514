"""Tags and notes of sweeps."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sweep", sa.Column("tags", sa.JSON()))
    op.add_column("sweep", sa.Column("notes", sa.Text()))


def downgrade() -> None:
    op.drop_column("sweep", "notes")
    op.drop_column("sweep", "tags")
