"""The rows of hosts, controllers and aggregates, and the token that changes with them."""

from datetime import timedelta

import sqlalchemy as sa

from monostack.core import clock, ids
from monostack.db import Flag, Id, Json, Name, Timestamp, Transaction, table

DOWN_AFTER = 60.0  # seconds without a sign of life
BACK_WITHIN = 30.0  # seconds: an agent that was lost is expected back, as after a restart, and its host is given new servers
DEFAULT_ZONE = "nova"
INTERNAL_ZONE = "internal"

compute_hosts = table(
    "compute_hosts",
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),  # the id of service and hypervisor before 2.53
    sa.Column("id", Id(36), nullable=False, unique=True),  # of the hypervisor and of its resource provider
    sa.Column("service_id", Id(36), nullable=False, unique=True),
    sa.Column("host", Name(), nullable=False, unique=True),
    sa.Column("host_ip", Name(39), nullable=False),
    sa.Column("hypervisor_type", Name(), nullable=False),
    sa.Column("hypervisor_version", sa.Integer, nullable=False),
    sa.Column("accelerator", Name(16), nullable=False),  # kvm, tcg, simulated
    sa.Column("cpu_info", Json, nullable=False),
    sa.Column("numa_cells", Json, nullable=False),
    sa.Column("vcpus", sa.Integer, nullable=False),
    sa.Column("memory_mb", sa.Integer, nullable=False),
    sa.Column("local_gb", sa.Integer, nullable=False),
    sa.Column("traits", Json, nullable=False),
    sa.Column("boot_id", Id(), nullable=False),
    sa.Column("instance", Id(), nullable=False),  # of the agent's process
    sa.Column("booted_at", Timestamp, nullable=False),  # when this boot_id was first seen
    sa.Column("controller", Id()),  # the controller it is connected to; None: to none
    sa.Column("left_at", Timestamp),  # when it was lost; None while it is connected
    sa.Column("disabled", Flag, nullable=False),
    sa.Column("disabled_reason", Name()),
    sa.Column("forced_down", Flag, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
)
# One sign of life for all hosts of a controller, however many they are.
controllers = table(
    "controllers",
    sa.Column("id", Id(36), primary_key=True),
    sa.Column("name", Name(), nullable=False),
    sa.Column("started_at", Timestamp, nullable=False),
    sa.Column("seen_at", Timestamp, nullable=False),
)
aggregates = table(
    "aggregates",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("uuid", Id(36), nullable=False, unique=True),
    sa.Column("name", Name(), nullable=False, unique=True),
    sa.Column("metadata", Json, nullable=False),  # with availability_zone, where it is one
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp),
)
aggregate_hosts = table(
    "aggregate_hosts",
    sa.Column("aggregate_id", sa.ForeignKey("aggregates.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("host", Name(), primary_key=True, index=True),
)
# What the scheduler knows of hosts it keeps in memory, as long as this token is the one it read with them.
host_generation = table("host_generation", sa.Column("id", sa.Integer, primary_key=True), sa.Column("token", Id(36), nullable=False))

_h = compute_hosts.c
GENERATION = sa.select(host_generation.c.token).where(host_generation.c.id == 1)
_SET_GENERATION = sa.update(host_generation).where(host_generation.c.id == 1).values(token=sa.bindparam("the_token"))
_FIRST_GENERATION = sa.insert(host_generation)
ALL = sa.select(compute_hosts, controllers.c.seen_at).outerjoin(controllers, controllers.c.id == _h.controller).order_by(_h.number)
BY_HOST = ALL.where(_h.host == sa.bindparam("the_host"))
AGGREGATES = sa.select(aggregates).order_by(aggregates.c.id)
MEMBERS = sa.select(aggregate_hosts).order_by(aggregate_hosts.c.aggregate_id, aggregate_hosts.c.host)


def changed(tx: Transaction) -> None:
    """Hosts or aggregates are not what they were: whoever keeps them in memory must read them again."""
    token = ids.new_uuid()
    if tx.execute(_SET_GENERATION, {"the_token": token}).rowcount == 0:
        tx.execute(_FIRST_GENERATION, {"id": 1, "token": token})


def alive(seen_at: str | None) -> bool:
    """A sign of life that is young enough."""
    return _younger(seen_at, DOWN_AFTER)


def expected_back(left_at: str | None) -> bool:
    """Whether a host was lost so lately that its agent probably just starts again."""
    return _younger(left_at, BACK_WITHIN)


def _younger(moment: str | None, seconds: float) -> bool:
    return moment is not None and moment > (clock.now() - timedelta(seconds=seconds)).isoformat(timespec="microseconds")
