"""Which groups meet at rungs, and the order in which groups are claimed; verdicts are to be read anew."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    bracket = sa.Column("bracket", sa.BigInteger(), nullable=False, server_default=sa.text("0"))
    op.add_column("trial_group", bracket)
    op.drop_index("ix_trial_group_state_id", "trial_group")
    op.create_index("ix_trial_group_state_bracket_id", "trial_group", ["state", "bracket", "id"])
    op.execute("UPDATE trial SET verdict = NULL WHERE finished_at IS NOT NULL")


def downgrade() -> None:
    op.drop_index("ix_trial_group_state_bracket_id", "trial_group")
    op.create_index("ix_trial_group_state_id", "trial_group", ["state", "id"])
    op.drop_column("trial_group", "bracket")
