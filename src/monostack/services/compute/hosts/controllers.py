"""What a controller is among the services of Nova: it schedules and it conducts. Both live as long as it does."""

from dataclasses import dataclass

import sqlalchemy as sa

from monostack.core import ids
from monostack.db import Id, Name, Row, Timestamp, Transaction, table
from monostack.services.compute.hosts.table import controllers

BINARIES = ("nova-scheduler", "nova-conductor")
FIRST_NUMBER = 1_000_000_000  # the number of a host is its hypervisor's too and begins at 1: those of controllers begin here

_services = table(
    "controller_services",
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", Id(36), nullable=False, unique=True),
    sa.Column("binary", Name(), nullable=False),
    sa.Column("host", Name(), nullable=False),  # the name of the controller, which has another row each time it starts
    sa.Column("created_at", Timestamp, nullable=False),
    sa.UniqueConstraint("binary", "host"),
)
_s = _services.c
_seen = sa.select(controllers.c.name, sa.func.max(controllers.c.seen_at).label("seen_at")).group_by(controllers.c.name).subquery()
_ALL = sa.select(_services, _seen.c.seen_at).join(_seen, _seen.c.name == _s.host).order_by(_s.number)
_BY_ID = _ALL.where(_s.id == sa.bindparam("the_id"))
_BY_NUMBER = _ALL.where(_s.number == sa.bindparam("the_number"))
_OF_HOST = sa.select(_s.binary).where(_s.host == sa.bindparam("the_host"))
_INSERT = sa.insert(_services)
_DELETE = sa.delete(_services).where(_s.id == sa.bindparam("the_id"))
_ORPHANS = sa.delete(_services).where(_s.host.not_in(sa.select(controllers.c.name)))


@dataclass(frozen=True, slots=True)
class ControllerService:
    """One service of a controller. It is never disabled nor forced down: Nova does neither to them."""

    number: int
    service_id: str
    binary: str
    host: str
    updated_at: str
    seen_at: str
    disabled: bool = False
    disabled_reason: None = None
    forced_down: bool = False

    @property
    def topic(self) -> str:
        """What os-hosts calls it."""
        return self.binary.removeprefix("nova-")


def _service(row: Row) -> ControllerService:
    number, service_id, binary, host, created_at, seen_at = row
    return ControllerService(FIRST_NUMBER + number, service_id, binary, host, created_at, seen_at)


def controller_services(tx: Transaction) -> list[ControllerService]:
    """Those of all controllers, in the order in which these came."""
    return [_service(row) for row in tx.rows(_ALL)]


def find(tx: Transaction, service_id: str) -> ControllerService | None:
    row = tx.row(_BY_ID, {"the_id": service_id})
    return None if row is None else _service(row)


def find_number(tx: Transaction, number: int) -> ControllerService | None:
    row = tx.row(_BY_NUMBER, {"the_number": number - FIRST_NUMBER}) if number > FIRST_NUMBER else None
    return None if row is None else _service(row)


def delete(tx: Transaction, service_id: str) -> None:
    """Take one from the list. A controller that lives is listed again when it next starts, as with Nova."""
    tx.execute(_DELETE, {"the_id": service_id})


def list_controller(tx: Transaction, host: str, now: object) -> None:
    """A controller of that name started: have its services listed, and no longer those of controllers that are forgotten."""
    tx.execute(_ORPHANS)
    listed = {row.binary for row in tx.rows(_OF_HOST, {"the_host": host})}
    for binary in BINARIES:
        if binary not in listed:
            tx.execute(_INSERT, {"id": ids.new_uuid(), "binary": binary, "host": host, "created_at": now})
