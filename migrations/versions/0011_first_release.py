"""The whole schema, as the first release has it.

No release had the schemas 0001 to 0010, the steps that led here. The number is that of the last step, so that
a database which took them all is at this version already (docs/decisions/0013). Changes go into new files.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = None
branch_labels = None
depends_on = None

Sequence = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    clock()
    sweep()
    trial_group()
    trial()
    epoch()
    worker()
    preflight()
    autopilot()
    autopilot_stage()
    test_look()
    delivery()
    idempotency()


def downgrade() -> None:
    for name in (
        "idempotency",
        "delivery",
        "test_look",
        "autopilot_stage",
        "autopilot",
        "preflight",
        "worker",
        "epoch",
        "trial",
        "trial_group",
        "sweep",
        "clock",
    ):
        op.drop_table(name)


def clock() -> None:
    table = op.create_table(
        "clock",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("reset", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_clock_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock")),
    )
    op.bulk_insert(table, [{"id": 1, "value": 0, "reset": 0}])


def sweep() -> None:
    op.create_table(
        "sweep",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("recipe", sa.Text()),
        sa.Column("space", sa.JSON(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("sampler", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.Integer()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double()),
        sa.Column("finished_at", sa.Double()),
        sa.Column("measured_epochs", sa.Integer(), nullable=False),
        sa.Column("measured_seconds", sa.Double(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("tags", sa.JSON()),
        sa.Column("notes", sa.Text()),
        sa.Column("stopping", sa.JSON()),
        sa.Column("workers", sa.Integer(), nullable=False, server_default=sa.text("2")),
        sa.Column("measured_steps", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("measured_squares", sa.Double(), nullable=False, server_default=sa.text("0")),
        sa.Column("features", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["sweep.id"], name=op.f("fk_sweep_parent_id_sweep"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep")),
        sa.UniqueConstraint("changed", name=op.f("uq_sweep_changed")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sweep_parent_id"), "sweep", ["parent_id"])


def trial_group() -> None:
    op.create_table(
        "trial_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sweep_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text()),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("progressed", sa.Boolean(), nullable=False),
        sa.Column("until", sa.Integer()),
        sa.Column("checkpoints", sa.JSON(), nullable=False, server_default=sa.text("'[]'")),
        sa.Column("bracket", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.ForeignKeyConstraint(
            ["sweep_id"], ["sweep.id"], name=op.f("fk_trial_group_sweep_id_sweep"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial_group")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_trial_group_state_bracket_id"), "trial_group", ["state", "bracket", "id"])
    op.create_index(op.f("ix_trial_group_sweep_id_state"), "trial_group", ["sweep_id", "state"])


def trial() -> None:
    op.create_table(
        "trial",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sweep_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("epochs_total", sa.Integer(), nullable=False),
        sa.Column("epochs_done", sa.Integer(), nullable=False),
        sa.Column("best_val_acc", sa.Double()),
        sa.Column("best_epoch", sa.Integer()),
        sa.Column("last", sa.JSON()),
        sa.Column("excluded", sa.Boolean(), nullable=False),
        sa.Column("worker", sa.Text()),
        sa.Column("has_model", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.Double()),
        sa.Column("finished_at", sa.Double()),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.Text()),
        sa.Column("spared", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("exempt", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.ForeignKeyConstraint(
            ["sweep_id"], ["sweep.id"], name=op.f("fk_trial_sweep_id_sweep"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["trial_group.id"], name=op.f("fk_trial_group_id_trial_group"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial")),
        sa.UniqueConstraint("changed", name=op.f("uq_trial_changed")),
        sa.UniqueConstraint("sweep_id", "number", name=op.f("uq_trial_sweep_id_number")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_trial_group_id_state"), "trial", ["group_id", "state"])
    op.create_index(op.f("ix_trial_sweep_id_best_val_acc"), "trial", ["sweep_id", "best_val_acc"])
    op.create_index(op.f("ix_trial_sweep_id_changed"), "trial", ["sweep_id", "changed"])
    op.create_index(op.f("ix_trial_sweep_id_state_excluded"), "trial", ["sweep_id", "state", "excluded"])


def epoch() -> None:
    op.create_table(
        "epoch",
        sa.Column("seq", Sequence, autoincrement=False, nullable=False),
        sa.Column("sweep_id", sa.Integer(), nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("loss", sa.Double()),
        sa.Column("data_loss", sa.Double()),
        sa.Column("train_acc", sa.Double()),
        sa.Column("val_loss", sa.Double()),
        sa.Column("val_acc", sa.Double()),
        sa.Column("lr", sa.Double()),
        sa.Column("update_ratio", sa.JSON(), nullable=False),
        sa.Column("trace", sa.LargeBinary(), nullable=False),
        sa.Column("flags", sa.JSON()),
        sa.Column("seconds", sa.Double()),
        sa.ForeignKeyConstraint(
            ["sweep_id"], ["sweep.id"], name=op.f("fk_epoch_sweep_id_sweep"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trial.id"], name=op.f("fk_epoch_trial_id_trial"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_epoch")),
        sa.UniqueConstraint("trial_id", "epoch", name=op.f("uq_epoch_trial_id_epoch")),
    )
    op.create_index(op.f("ix_epoch_sweep_id_seq"), "epoch", ["sweep_id", "seq"])


def worker() -> None:
    op.create_table(
        "worker",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("group_id", sa.Integer()),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.Column("gone_at", sa.Double()),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("preflight_id", sa.Integer()),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_worker")),
        sa.UniqueConstraint("changed", name=op.f("uq_worker_changed")),
    )


def preflight() -> None:
    op.create_table(
        "preflight",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("checks", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text()),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double()),
        sa.Column("finished_at", sa.Double()),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preflight")),
        sa.UniqueConstraint("changed", name=op.f("uq_preflight_changed")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_preflight_dataset_id"), "preflight", ["dataset", "id"])
    op.create_index(op.f("ix_preflight_state_id"), "preflight", ["state", "id"])


def autopilot() -> None:
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


def autopilot_stage() -> None:
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


def test_look() -> None:
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


def delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )


def idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("sweep_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sweep_id"], ["sweep.id"], name=op.f("fk_idempotency_sweep_id_sweep"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_idempotency")),
    )
    op.create_index(op.f("ix_idempotency_sweep_id"), "idempotency", ["sweep_id"])
