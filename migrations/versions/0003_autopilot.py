"""Autopilots with their stages, and looks at the test part of data sets."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "autopilot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("space", sa.JSON(), nullable=False),
        sa.Column("trials", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("preflight", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("winner_id", sa.Integer()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.Double()),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["winner_id"], ["trial.id"], name=op.f("fk_autopilot_winner_id_trial"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_autopilot")),
        sa.UniqueConstraint("changed", name=op.f("uq_autopilot_changed")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_autopilot_state_id"), "autopilot", ["state", "id"])
    op.create_index(op.f("ix_autopilot_winner_id"), "autopilot", ["winner_id"])
    op.create_table(
        "autopilot_stage",
        sa.Column("autopilot_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("preflight_id", sa.Integer()),
        sa.Column("sweep_id", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["autopilot_id"],
            ["autopilot.id"],
            name=op.f("fk_autopilot_stage_autopilot_id_autopilot"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["preflight_id"],
            ["preflight.id"],
            name=op.f("fk_autopilot_stage_preflight_id_preflight"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["sweep_id"], ["sweep.id"], name=op.f("fk_autopilot_stage_sweep_id_sweep"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("autopilot_id", "number", name=op.f("pk_autopilot_stage")),
    )
    op.create_index(op.f("ix_autopilot_stage_preflight_id"), "autopilot_stage", ["preflight_id"])
    op.create_index(op.f("ix_autopilot_stage_sweep_id"), "autopilot_stage", ["sweep_id"])
    op.create_table(
        "test_look",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("trial_id", sa.Integer()),
        sa.Column("accuracy", sa.Double(), nullable=False),
        sa.Column("examples", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trial.id"], name=op.f("fk_test_look_trial_id_trial"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_look")),
        sa.UniqueConstraint("trial_id", name=op.f("uq_test_look_trial_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_test_look_dataset_id"), "test_look", ["dataset", "id"])


def downgrade() -> None:
    for table in ("test_look", "autopilot_stage", "autopilot"):
        op.drop_table(table)
