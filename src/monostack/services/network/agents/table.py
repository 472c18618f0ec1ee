"""The agents. One program does it all on a host; it is listed by its functions, as Neutron's users know them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from monostack.core import clock, ids
from monostack.db import Json, Row, Timestamp, Transaction
from monostack.http import Request
from monostack.http.answers import FLAG, maybe
from monostack.resources import Field, Kind, Resource
from monostack.services.network import values
from monostack.services.network.agents.providers import AGENT, provided
from monostack.services.network.filters import alive_since
from monostack.services.network.lookup import among
from monostack.services.network.style import STYLE
from monostack.services.network.zones import DEFAULT

FRESH = 20  # seconds a heartbeat is not written again
BINARY = "monostack-agent"
FUNCTIONS = {
    "DHCP agent": ("dhcp_agent", DEFAULT),
    "L3 agent": ("l3_agent", DEFAULT),
    "Linux bridge agent": ("N/A", None),
    "Metadata agent": ("N/A", None),
}


def _ago(seconds: float) -> str:
    return (clock.now() - timedelta(seconds=seconds)).isoformat(timespec="microseconds")


def _spaced(value: str | None) -> str | None:
    """2026-11-22 05:21:08, as Neutron writes it here and nowhere else."""
    return value[:19].replace("T", " ") if value else value


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    since = alive_since()
    told = provided(tx, {row.host for row in rows if row.agent_type == AGENT})
    synced = {row.id for row in rows if row.agent_type == AGENT and row.host in told}
    return [{"alive": row.heartbeat_timestamp >= since, "resources_synced": True if row.id in synced else None} for row in rows]


def _alive(table: sa.Table, operator: str, parameter: str) -> Any:
    since = sa.bindparam(parameter, type_=Timestamp)
    return table.c.heartbeat_timestamp >= since if operator == "alive" else table.c.heartbeat_timestamp < since


def _type(value: str) -> str:
    """The type a filter means: as with Neutron's usual database, capital letters do not matter."""
    return next((kind for kind in FUNCTIONS if kind.lower() == value.lower()), value)


_TIME = Kind(Timestamp(), {"type": "string"})

AGENTS = Resource(
    "agent",
    "agents",
    STYLE,
    path="/v2.0/agents",
    table_name="network_agents",
    fields=(
        Field("id", values.uuid()),
        Field("agent_type", Kind(sa.String(255), {"type": "string"}, _type)),
        Field("binary", values.text()),
        Field("topic", values.text()),
        Field("host", values.text(), index=True),
        Field("admin_state_up", values.boolean(), default=True, update=True),
        Field("created_at", _TIME, filter=False, show=_spaced),
        Field("started_at", _TIME, filter=False, show=_spaced),
        Field("heartbeat_timestamp", _TIME, filter=False, show=_spaced),
        Field("alive", values.boolean(), column=None),
        # Null: it has nothing to guarantee. What it has, placement knows from the same transaction on.
        Field("resources_synced", values.boolean(), column=None, answer=maybe(FLAG)),
        Field("configurations", Kind(Json(), {"type": "object"}), filter=False, sort=False),
        Field("description", values.nullable(values.text()), update=True),
        Field("availability_zone", values.nullable(values.text()), sort=False),
    ),
    columns=(sa.UniqueConstraint("agent_type", "host"),),
    conditions={"alive": _alive},
    expand=_expand,
)
_a = AGENTS.table.c
_KNOWN = (
    sa.select(_a.host, sa.func.min(_a.heartbeat_timestamp).label("beat"), sa.func.count().label("kinds"))
    .where(among(_a.host, "hosts"))
    .group_by(_a.host)
)
_KINDS = sa.select(_a.agent_type).where(_a.host == sa.bindparam("the_host"))
_BEAT = sa.update(AGENTS.table).where(among(_a.host, "hosts")).values(heartbeat_timestamp=sa.bindparam("at"))
_INSERT = sa.insert(AGENTS.table)


def heartbeat(tx: Transaction, hosts: Sequence[str]) -> None:
    """These hosts are connected. Hosts that are new get their agents, and others those that were deleted meanwhile."""
    known = {row.host: row for row in tx.rows(_KNOWN, {"hosts": list(hosts)})}
    at, old = clock.now().isoformat(timespec="microseconds"), _ago(FRESH)
    stale = [row.host for row in known.values() if row.beat < old]
    if stale:
        tx.execute(_BEAT, {"hosts": stale, "at": at})
    lacking = [host for host in hosts if host not in known or known[host].kinds < len(FUNCTIONS)]
    rows = [_row(host, kind, at) for host in lacking for kind in sorted(FUNCTIONS.keys() - _kinds_of(tx, host))]
    if rows:
        tx.execute(_INSERT, rows)


def _kinds_of(tx: Transaction, host: str) -> set[str]:
    return {row.agent_type for row in tx.rows(_KINDS, {"the_host": host})}


def _row(host: str, kind: str, at: str) -> dict[str, Any]:
    topic, zone = FUNCTIONS[kind]
    times = {"created_at": at, "started_at": at, "heartbeat_timestamp": at}
    return {
        "id": ids.new_uuid(), "agent_type": kind, "binary": BINARY, "topic": topic, "host": host, "admin_state_up": True,
        "availability_zone": zone, "configurations": {}, "description": None, **times,
    }  # fmt: skip
