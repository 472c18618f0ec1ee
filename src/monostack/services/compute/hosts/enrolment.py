"""A host whose agent connects becomes a compute service, a hypervisor and a resource provider."""

from typing import Any

import msgspec
import sqlalchemy as sa

from monostack.core import clock, ids
from monostack.core.config.options import Scheduler
from monostack.db import Row, Transaction
from monostack.protocol import Hello
from monostack.services.compute.hosts.controllers import list_controller
from monostack.services.compute.hosts.table import aggregate_hosts, aggregates, changed, compute_hosts, controllers
from monostack.services.network import facade as network
from monostack.services.placement import facade as placement

DISABLED_TRAIT = "COMPUTE_STATUS_DISABLED"

_h = compute_hosts.c
OF_CONTROLLER = sa.select(_h.host, _h.instance).where(_h.controller == sa.bindparam("me"))
_BY_NAMES = sa.select(compute_hosts).where(_h.host.in_(sa.bindparam("the_hosts", expanding=True)))
_INSERT = sa.insert(compute_hosts)
_SEEN = sa.update(controllers).where(controllers.c.id == sa.bindparam("me")).values(seen_at=sa.bindparam("the_time"))
_FIRST_SEEN = sa.insert(controllers)
_FORGET = sa.delete(controllers).where(controllers.c.id != sa.bindparam("me"), controllers.c.seen_at < sa.bindparam("before"))
_RELEASE = (
    sa.update(compute_hosts)
    .where(_h.controller == sa.bindparam("me"), _h.host.in_(sa.bindparam("the_hosts", expanding=True)))
    .values(controller=None, left_at=sa.bindparam("the_time"), updated_at=sa.bindparam("the_time"))
)
_ALONE = (
    sa.update(compute_hosts)
    .where(_h.controller.is_not(None), _h.controller != sa.bindparam("me"))
    .values(controller=None, left_at=sa.bindparam("the_time"))
)
_FIELDS = (
    "host_ip", "hypervisor_type", "hypervisor_version", "accelerator", "cpu_info", "numa_cells", "vcpus", "memory_mb", "local_gb", "traits",
    "boot_id", "instance", "booted_at", "controller", "left_at", "updated_at",
)  # fmt: skip
_REFRESH = (
    sa.update(compute_hosts)
    .where(_h.host == sa.bindparam("the_host"))
    .values({name: sa.bindparam(f"v_{name}", type_=_h[name].type) for name in _FIELDS})
)
_AGGREGATES_OF = (
    sa.select(aggregates.c.uuid)
    .join(aggregate_hosts, aggregate_hosts.c.aggregate_id == aggregates.c.id)
    .where(aggregate_hosts.c.host == sa.bindparam("the_host"))
)


def sign_of_life(tx: Transaction, me: str, name: str) -> None:
    """This controller lives, and so do its hosts."""
    now = clock.now()
    if tx.execute(_SEEN, {"me": me, "the_time": now}).rowcount == 0:
        tx.execute(_FIRST_SEEN, {"id": me, "name": name, "started_at": now, "seen_at": now})
        list_controller(tx, name, now)


def take_over(tx: Transaction, me: str) -> None:
    """No other controller can exist (SQLite): what a former process held is connected to nobody."""
    if tx.execute(_ALONE, {"me": me, "the_time": clock.now()}).rowcount:
        changed(tx)
    tx.execute(_FORGET, {"me": me, "before": clock.now()})


def disconnect(tx: Transaction, me: str, hosts: list[str]) -> None:
    """These hosts' agents are gone."""
    if hosts and tx.execute(_RELEASE, {"me": me, "the_hosts": hosts, "the_time": clock.now()}).rowcount:
        changed(tx)


def enrol(tx: Transaction, me: str, arrived: list[tuple[Hello, str]], scheduler: Scheduler) -> None:
    """Write what these hosts said of themselves when they connected, with the address each came from."""
    present = {row.host: row for row in tx.rows(_BY_NAMES, {"the_hosts": [hello.host for hello, _ in arrived]})}
    now = clock.now().isoformat(timespec="microseconds")
    for hello, address in arrived:
        row = present.get(hello.host)
        same_boot = row is not None and row.boot_id == hello.boot_id
        values = {
            **_described(hello), "host_ip": address, "controller": me, "left_at": None, "updated_at": now,
            "booted_at": row.booted_at if same_boot and row is not None else now,
        }  # fmt: skip
        if row is None:
            host_id = ids.new_uuid()
            new = {"id": host_id, "service_id": ids.new_uuid(), "host": hello.host, "created_at": now}
            tx.execute(_INSERT, {**new, **values, "disabled": False, "disabled_reason": None, "forced_down": False})
        else:
            host_id = row.id
            tx.execute(_REFRESH, {"the_host": hello.host, **{f"v_{name}": value for name, value in values.items()}})
        _provide(tx, host_id, hello, scheduler, row)
    if arrived:
        changed(tx)


def _described(hello: Hello) -> dict[str, Any]:
    inventory = hello.inventory
    return {
        "hypervisor_type": inventory.hypervisor_type, "hypervisor_version": inventory.hypervisor_version,
        "accelerator": inventory.accelerator, "cpu_info": inventory.cpu_info, "vcpus": inventory.vcpus, "memory_mb": inventory.memory_mib,
        "numa_cells": msgspec.to_builtins(inventory.numa_cells), "local_gb": inventory.disk_gib, "traits": inventory.traits,
        "boot_id": hello.boot_id, "instance": hello.instance,
    }  # fmt: skip


def _provide(tx: Transaction, host_id: str, hello: Hello, scheduler: Scheduler, row: Row | None) -> None:
    """Tell placement what there is. What an operator set there (ratios, reservations) stays."""
    inventory = hello.inventory
    totals = {
        "VCPU": (inventory.vcpus, scheduler.reserved_host_cpus, scheduler.cpu_allocation_ratio),
        "MEMORY_MB": (inventory.memory_mib, scheduler.reserved_host_memory_mb, scheduler.ram_allocation_ratio),
        "DISK_GB": (inventory.disk_gib, -(-scheduler.reserved_host_disk_mb // 1024), scheduler.disk_allocation_ratio),
    }
    stock = {
        name: placement.Inventory(total=total, reserved=min(reserved, total - 1), max_unit=total, allocation_ratio=ratio)
        for name, (total, reserved, ratio) in totals.items()
        if total > 0
    }
    placement.ensure_provider(tx, host_id, hello.host, stock, inventory.traits, keep=("allocation_ratio", "reserved"))
    network.provide(tx, host_id, hello.host, inventory.network)
    if row is None:
        groups = [found.uuid for found in tx.rows(_AGGREGATES_OF, {"the_host": hello.host})]
        if groups:
            placement.set_aggregates(tx, host_id, groups)
