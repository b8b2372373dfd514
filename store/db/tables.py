"""The database tables: columns, keys and indexes (the migrations create the same; a test compares them)."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

# Explicit names, so that both databases and every migration call a constraint the same.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Json = JSON(none_as_null=True)
# SQLite keeps a table in the order of an INTEGER PRIMARY KEY, and only of that.
Sequence = BigInteger().with_variant(Integer(), "sqlite")

# One row, see change_counter.py. `value`: the last number; `reset`: readers behind it must start again.
change_counter = Table(
    "clock",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("value", BigInteger, nullable=False),
    Column("reset", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

sweep = Table(
    "sweep",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("recipe", Text),
    Column("space", Json, nullable=False),
    Column("settings", Json, nullable=False),
    Column("sampler", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("parent_id", ForeignKey("sweep.id", ondelete="SET NULL")),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    # What its epochs took so far: the mean is what an estimate of the rest stands on.
    Column("measured_epochs", Integer, nullable=False),
    Column("measured_seconds", Double, nullable=False),
    Column("changed", BigInteger, nullable=False, unique=True),
    Column("tags", Json),
    Column("notes", Text),
    Column("stopping", Json),  # the rule that ends trials early, as learning.search.early_stopping reads it
    Column("workers", Integer, nullable=False, server_default=text("2")),  # that its groups are cut for
    # How far the epochs' times lie apart: epochs of whole groups, and squares of the seconds added up.
    Column("measured_steps", Integer, nullable=False, server_default=text("0")),
    Column("measured_squares", Double, nullable=False, server_default=text("0")),
    Column("features", Integer, nullable=False, server_default=text("0")),  # of an example; 0: not known
    Index(None, "parent_id"),
    sqlite_autoincrement=True,  # or SQLite gives the id of a deleted sweep to the next one
)

trial_group = Table(
    "trial_group",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sweep_id", ForeignKey("sweep.id", ondelete="CASCADE"), nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("worker", Text),
    Column("beat", BigInteger, nullable=False),
    Column("progressed", Boolean, nullable=False),
    Column("until", Integer),  # the rung at which its trials wait; NULL: they train to their end
    # The files that together hold its trials' state: its own latest, or those of the groups they come from.
    Column("checkpoints", Json, nullable=False, server_default=text("'[]'")),
    # A change number. Groups of one bracket meet at its rungs, and go before those of a later one.
    Column("bracket", BigInteger, nullable=False, server_default=text("0")),
    Index(None, "state", "bracket", "id"),
    Index(None, "sweep_id", "state"),
    sqlite_autoincrement=True,
)

trial = Table(
    "trial",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sweep_id", ForeignKey("sweep.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("group_id", ForeignKey("trial_group.id", ondelete="CASCADE"), nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("attempt", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("settings", Json, nullable=False),
    Column("epochs_total", Integer, nullable=False),
    Column("epochs_done", Integer, nullable=False),
    Column("best_val_acc", Double),
    Column("best_epoch", Integer),
    Column("last", Json),
    Column("excluded", Boolean, nullable=False),
    Column("worker", Text),
    Column("has_model", Boolean, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("changed", BigInteger, nullable=False, unique=True),
    Column("verdict", Text),  # the code of the first finding on its curve
    Column("spared", Integer, nullable=False, server_default=text("0")),  # epochs that a rule kept it from
    Column("exempt", Boolean, nullable=False, server_default=false()),  # retried: no rule stops it again
    Column("verdict_rules", Text),  # the version of the rules behind the verdict; NULL: give it anew
    UniqueConstraint("sweep_id", "number"),
    Index(None, "sweep_id", "state", "excluded"),
    Index(None, "sweep_id", "best_val_acc"),
    Index(None, "sweep_id", "changed"),
    Index(None, "group_id", "state"),
    sqlite_autoincrement=True,
)

# Non-finite numbers are NULL here and named in `flags`; a trace is float32, kept as it came.
epoch = Table(
    "epoch",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("sweep_id", ForeignKey("sweep.id", ondelete="CASCADE"), nullable=False),
    Column("trial_id", ForeignKey("trial.id", ondelete="CASCADE"), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("loss", Double),
    Column("data_loss", Double),
    Column("train_acc", Double),
    Column("val_loss", Double),
    Column("val_acc", Double),
    Column("lr", Double),
    Column("update_ratio", Json, nullable=False),
    Column("trace", LargeBinary, nullable=False),
    Column("flags", Json),
    Column("seconds", Double),
    UniqueConstraint("trial_id", "epoch"),
    Index(None, "sweep_id", "seq"),
)

worker = Table(
    "worker",
    metadata,
    Column("token", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("facts", Json, nullable=False),
    Column("group_id", Integer),
    Column("started_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("gone_at", Double),
    Column("changed", BigInteger, nullable=False, unique=True),
    Column("preflight_id", Integer),
)

# Every check that was made is an object in `checks`, in order; one that is not finite is a word there.
preflight = Table(
    "preflight",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("dataset", Text, nullable=False),
    Column("settings", Json, nullable=False),
    Column("state", Text, nullable=False),
    Column("checks", Json, nullable=False),
    Column("reason", Text),
    Column("attempt", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("worker", Text),
    Column("beat", BigInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("changed", BigInteger, nullable=False, unique=True),
    Index(None, "state", "id"),
    Index(None, "dataset", "id"),
    sqlite_autoincrement=True,
)

# A search from the first check to the last: what was asked for, and how it ended.
autopilot = Table(
    "autopilot",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("settings", Json, nullable=False),
    Column("space", Json, nullable=False),
    Column("trials", Integer, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("preflight", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("winner_id", ForeignKey("trial.id", ondelete="SET NULL")),
    Column("created_at", Double, nullable=False),
    Column("finished_at", Double),
    Column("changed", BigInteger, nullable=False, unique=True),
    Index(None, "state", "id"),
    Index(None, "winner_id"),
    sqlite_autoincrement=True,
)

# One of its steps: a preflight or a sweep. The key lets each begin once.
autopilot_stage = Table(
    "autopilot_stage",
    metadata,
    Column("autopilot_id", ForeignKey("autopilot.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("preflight_id", ForeignKey("preflight.id", ondelete="SET NULL")),
    Column("sweep_id", ForeignKey("sweep.id", ondelete="SET NULL")),
    Index(None, "preflight_id"),
    Index(None, "sweep_id"),
)

# Each time a trial's weights were tried on a data set's test part; kept when the trial is deleted.
test_look = Table(
    "test_look",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("dataset", Text, nullable=False),
    Column("trial_id", ForeignKey("trial.id", ondelete="SET NULL"), unique=True),
    Column("accuracy", Double, nullable=False),
    Column("examples", Integer, nullable=False),
    Column("taken_at", Double, nullable=False),
    Index(None, "dataset", "id"),
    sqlite_autoincrement=True,
)

# What the webhook's receiver has taken, by event.
delivery = Table(
    "delivery",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

# What was created under a client's Idempotency-Key, and a digest of the request that did it.
idempotency = Table(
    "idempotency",
    metadata,
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("sweep_id", ForeignKey("sweep.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Double, nullable=False),
    Index(None, "sweep_id"),
)
