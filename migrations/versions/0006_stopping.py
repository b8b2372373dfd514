"""Early stopping: a sweep's rule, what it spared, rungs, and groups that start from several files."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

group = sa.table(
    "trial_group",
    sa.column("id", sa.Integer()),
    sa.column("checkpoints", sa.JSON()),
    sa.column("checkpoint_name", sa.Text()),
    sa.column("checkpoint_sha256", sa.Text()),
    sa.column("checkpoint_epoch", sa.Integer()),
)


def upgrade() -> None:
    op.add_column("sweep", sa.Column("stopping", sa.JSON()))
    op.add_column("sweep", sa.Column("workers", sa.Integer(), nullable=False, server_default=sa.text("2")))
    op.add_column("trial", sa.Column("spared", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("trial", sa.Column("exempt", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("trial_group", sa.Column("until", sa.Integer()))
    op.add_column(
        "trial_group",
        sa.Column("checkpoints", sa.JSON(), nullable=False, server_default=sa.text("'[]'")),
    )
    for row in rows(group.c.checkpoint_name.is_not(None)):
        one = {"name": row.checkpoint_name, "sha256": row.checkpoint_sha256, "epoch": row.checkpoint_epoch}
        change(row.id, checkpoints=[one])
    for name in ("checkpoint_name", "checkpoint_sha256", "checkpoint_epoch"):
        op.drop_column("trial_group", name)


def downgrade() -> None:
    """A group that starts from several files then trains from the beginning; one at a rung, to its end."""
    op.add_column("trial_group", sa.Column("checkpoint_name", sa.Text()))
    op.add_column("trial_group", sa.Column("checkpoint_sha256", sa.Text()))
    op.add_column("trial_group", sa.Column("checkpoint_epoch", sa.Integer()))
    for row in rows(sa.true()):
        if len(row.checkpoints) == 1:
            change(row.id, **{f"checkpoint_{name}": value for name, value in row.checkpoints[0].items()})
    op.execute("UPDATE trial_group SET state = 'queued' WHERE state = 'waiting'")
    op.drop_column("trial_group", "checkpoints")
    op.drop_column("trial_group", "until")
    op.drop_column("trial", "exempt")
    op.drop_column("trial", "spared")
    op.drop_column("sweep", "workers")
    op.drop_column("sweep", "stopping")


def rows(which: sa.ColumnElement[bool]) -> list[Any]:
    return list(op.get_bind().execute(sa.select(group).where(which)))


def change(id: int, **values: Any) -> None:
    op.get_bind().execute(sa.update(group).where(group.c.id == id).values(**values))
