"""What is known of the hosts that keep volumes. Each agent keeps them in its own files: the back end `file`, with one pool of that name."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from monostack.core import clock, ids
from monostack.db import Flag, Id, Name, Timestamp, Transaction, table
from monostack.services.volume.volumes.table import BACKEND
from monostack.services.volume.words import invalid_input

BACK_WITHIN = timedelta(seconds=30)  # an agent that was lost is expected back, as after a restart, and its host is given new volumes

volume_hosts = table(
    "volume_hosts",
    sa.Column("host", Name(), primary_key=True),
    sa.Column("uuid", Id(), nullable=False, unique=True),  # of the service: a volume's service_uuid
    sa.Column("disabled", Flag, nullable=False),  # gets no new volumes
    sa.Column("disabled_reason", Name()),
    sa.Column("frozen", Flag, nullable=False),  # what it has stays as it is: nothing is made, snapshotted or deleted
    sa.Column("backend_name", Name(), nullable=False),  # as volume types ask for it with `volume_backend_name`
    sa.Column("capacity_gib", sa.Integer),  # of the file system, when it was last looked at
    sa.Column("free_gib", sa.Integer),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp),  # enabled or disabled
    sa.Column("compared_at", Timestamp),  # when its files were last compared with the rows; NULL: since it is connected not yet
    sa.Column("left_at", Timestamp),  # when its agent was lost; NULL while it is connected
)
_h = volume_hosts.c
ALL = sa.select(volume_hosts).order_by(_h.host)
BACKENDS = sa.select(_h.backend_name).distinct()
ONE = sa.select(volume_hosts).where(_h.host == sa.bindparam("the_host"))
_INSERT = sa.insert(volume_hosts).returning(*_h)
_SET = sa.update(volume_hosts).where(_h.host == sa.bindparam("the_host"))


def service(host: str) -> str:
    """The host as the service list names it: host@backend."""
    return f"{host}@{BACKEND}"


def of_service(name: str) -> str:
    """The host that a service's name (with or without its pool) is of; "" when it is of another back end."""
    host, _, backend = name.partition("@")
    return host if backend.split("#", 1)[0] == BACKEND else ""


def find(tx: Transaction, service_name: str) -> Row[Any] | None:
    return tx.row(ONE, {"the_host": of_service(service_name)})


def enrol(tx: Transaction, cloud: Any, host: str) -> Row[Any]:
    """The row of a host that may be new, or have another back end than before."""
    row, hello = tx.row(ONE, {"the_host": host}), cloud.hosts.hello(host)
    backend = hello.inventory.volume_backend if hello is not None else None
    if row is None:
        values = {"host": host, "uuid": ids.new_uuid(), "disabled": False, "frozen": False, "created_at": clock.now()}
        row = tx.execute(_INSERT, {**values, "backend_name": backend or BACKEND}).one()
    elif backend not in (None, row.backend_name):
        set_host(tx, host, backend_name=backend)
        row = tx.execute(ONE, {"the_host": host}).one()
    return row


def same_storage(cloud: Any, one: str, other: str) -> bool:
    """Do two hosts reach the same volumes? Hosts that keep files do not; of simulated ones that are away it may be."""
    storages = {hello.inventory.storage for host in (one, other) if (hello := cloud.hosts.hello(host)) is not None}
    return one == other or (len(storages) == 1 and "" not in storages)


def lately() -> str:
    """Hosts that were lost after this moment are expected back."""
    return (clock.now() - BACK_WITHIN).isoformat(timespec="microseconds")


def set_host(tx: Transaction, host: str, **values: Any) -> None:
    tx.execute(_SET.values(**values), {"the_host": host})


def require_not_frozen(tx: Transaction, host: str | None) -> None:
    """Raises BadRequest for a host of which an administrator said that what it has must stay as it is."""
    row = tx.row(ONE, {"the_host": host}) if host is not None else None
    if row is not None and row.frozen:
        raise invalid_input("Modification operations are not allowed on frozen storage backends.")
