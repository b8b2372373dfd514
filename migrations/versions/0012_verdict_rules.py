"""The version of the rules that a trial's verdict was read by; NULL: to be read from its curve again."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("trial", sa.Column("verdict_rules", sa.Text()))


def downgrade() -> None:
    op.drop_column("trial", "verdict_rules")
