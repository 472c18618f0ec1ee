"""All hosts as the scheduler and the views need them, read once and kept until something changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy.engine import Engine

from monostack.db import Transaction
from monostack.protocol.envelope import NumaCell
from monostack.services.compute.hosts import table
from monostack.services.compute.hosts.table import DEFAULT_ZONE


@dataclass(frozen=True, slots=True)
class Host:
    """A host. `connected` is as old as its last change; whether its controller lives is looked up where it matters."""

    id: str  # its resource provider
    number: int
    name: str
    enabled: bool
    disabled_reason: str | None
    forced_down: bool
    controller: str | None
    left_at: str | None
    zone: str
    aggregates: tuple[Mapping[str, str], ...]  # the metadata of each
    hypervisor_type: str
    hypervisor_version: int
    accelerator: str
    arch: str
    cpu_info: Mapping[str, Any]
    vcpus: int
    memory_mb: int
    local_gb: int
    service_id: str
    host_ip: str
    numa_cells: tuple[NumaCell, ...]


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """One state of all hosts."""

    token: str
    by_id: Mapping[str, Host]
    by_name: Mapping[str, Host]
    aggregates_of_zone: Mapping[str, tuple[str, ...]]  # uuids

    def zone_of(self, host: str | None) -> str | None:
        known = self.by_name.get(host) if host else None
        return known.zone if known else None


NONE = KnownHosts("", {}, {}, {})
_cache: WeakKeyDictionary[Engine, KnownHosts] = WeakKeyDictionary()


def known_hosts(tx: Transaction) -> KnownHosts:
    """The hosts as this transaction sees them. One cheap statement while nothing changed."""
    token = tx.scalar(table.GENERATION)
    if token is None:
        return NONE
    engine = tx.connection.engine
    kept = _cache.get(engine)
    if kept is None or kept.token != token:
        kept = _cache[engine] = _read(tx, token)
    return kept


def _read(tx: Transaction, token: str) -> KnownHosts:
    by_number = {row.id: row for row in tx.rows(table.AGGREGATES)}
    groups: dict[str, list[Any]] = {}
    for row in tx.rows(table.MEMBERS):
        groups.setdefault(row.host, []).append(by_number[row.aggregate_id])
    zones: dict[str, tuple[str, ...]] = {}
    for row in by_number.values():
        zone = row._mapping["metadata"].get("availability_zone")
        if zone:
            zones[zone] = (*zones.get(zone, ()), row.uuid)
    hosts = [_host(row, tuple(a._mapping["metadata"] for a in groups.get(row.host, ()))) for row in tx.rows(table.ALL)]
    return KnownHosts(token, {h.id: h for h in hosts}, {h.name: h for h in hosts}, zones)


def _host(row: Any, groups: tuple[Mapping[str, str], ...]) -> Host:
    zone = next((group["availability_zone"] for group in groups if group.get("availability_zone")), DEFAULT_ZONE)
    return Host(
        id=row.id, number=row.number, name=row.host, enabled=not row.disabled, disabled_reason=row.disabled_reason,
        forced_down=row.forced_down, controller=row.controller, left_at=row.left_at, zone=zone, aggregates=groups,
        hypervisor_type=row.hypervisor_type, hypervisor_version=row.hypervisor_version, accelerator=row.accelerator,
        arch=str(row.cpu_info.get("arch", "")), cpu_info=row.cpu_info, vcpus=row.vcpus, memory_mb=row.memory_mb,
        local_gb=row.local_gb, service_id=row.service_id, host_ip=row.host_ip,
        numa_cells=tuple(msgspec.convert(row.numa_cells, list[NumaCell])),
    )  # fmt: skip
