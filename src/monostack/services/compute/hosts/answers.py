"""Schemas of hosts, services, hypervisors and aggregates."""

from monostack.http.answers import (
    FLAG,
    ID,
    INTEGER,
    NULL,
    OBJECT,
    TEXT,
    TEXTS,
    Record,
    changing,
    envelope,
    many,
    mapping,
    maybe,
    optional,
    since,
    until,
)
from monostack.services.compute.answers import LINKS, NUMBER_OR_ID

AGGREGATE = Record(
    "Aggregate",
    {
        "id": INTEGER, "name": TEXT, "hosts": TEXTS, "metadata": mapping(TEXT), "availability_zone": maybe(TEXT), "created_at": TEXT,
        "updated_at": maybe(TEXT), "deleted_at": NULL, "deleted": FLAG, "uuid": since((2, 41), ID),
    },
)  # fmt: skip
NEW_AGGREGATE = AGGREGATE.with_keys("NewAggregate", {}, without=("hosts", "metadata"))
_STATE = Record("", {"active": FLAG, "available": FLAG, "updated_at": maybe(TEXT)})
_ZONE = {"zoneName": TEXT, "zoneState": envelope("available", FLAG)}
ZONES = envelope("availabilityZoneInfo", many(Record("AvailabilityZone", {**_ZONE, "hosts": NULL})))
ZONE_DETAILS = envelope(
    "availabilityZoneInfo", many(Record("AvailabilityZoneDetails", {**_ZONE, "hosts": maybe(mapping(mapping(_STATE)))}))
)

HOSTS = envelope("hosts", many(Record("Host", {"host_name": TEXT, "service": TEXT, "zone": TEXT})))
_USE = {"host": TEXT, "project": TEXT, "cpu": INTEGER, "memory_mb": INTEGER, "disk_gb": INTEGER}
HOST = envelope("host", many(envelope("resource", Record("HostResource", _USE))))
UPDATED_HOST = Record("UpdatedHost", {"host": TEXT, "status": optional(TEXT), "maintenance_mode": optional(TEXT)})

_HYPERVISOR: dict[str, object] = {"id": NUMBER_OR_ID, "hypervisor_hostname": TEXT, "state": TEXT, "status": TEXT}
_SERVERS = optional(many(Record("ServerOfHypervisor", {"name": TEXT, "uuid": ID})))
HYPERVISOR_SUMMARY = Record("HypervisorSummary", {**_HYPERVISOR, "servers": _SERVERS})
_FIGURES = (
    "vcpus", "memory_mb", "local_gb", "vcpus_used", "memory_mb_used", "local_gb_used", "free_ram_mb", "free_disk_gb", "current_workload",
    "running_vms", "disk_available_least",
)  # fmt: skip
HYPERVISOR = Record(
    "Hypervisor",
    {
        **_HYPERVISOR, "hypervisor_type": TEXT, "hypervisor_version": INTEGER, "host_ip": TEXT, "servers": _SERVERS,
        "service": Record("ServiceOfHypervisor", {"id": NUMBER_OR_ID, "host": TEXT, "disabled_reason": maybe(TEXT)}),
        **{name: until((2, 87), INTEGER) for name in _FIGURES}, "cpu_info": until((2, 87), changing(((2, 0), TEXT), ((2, 28), OBJECT))),
        "uptime": since((2, 88), maybe(TEXT)),
    },
)  # fmt: skip
UPTIME = Record("HypervisorUptime", {**_HYPERVISOR, "uptime": TEXT})
STATISTICS = envelope("hypervisor_statistics", Record("HypervisorStatistics", dict.fromkeys(("count", *_FIGURES), INTEGER)))


def hypervisors(schema: object) -> Record:
    return Record("", {"hypervisors": many(schema), "hypervisors_links": since((2, 33), LINKS, optional=True)})


_SERVICE: dict[str, object] = {
    "binary": TEXT, "host": TEXT, "id": NUMBER_OR_ID, "zone": maybe(TEXT), "status": TEXT, "state": TEXT, "updated_at": maybe(TEXT),
    "disabled_reason": maybe(TEXT), "forced_down": since((2, 11), FLAG),
}  # fmt: skip
SERVICE = Record("Service", _SERVICE)
_SWITCHED = {
    "binary": TEXT, "host": TEXT, "status": optional(TEXT), "disabled_reason": optional(maybe(TEXT)),
    "forced_down": since((2, 11), FLAG, optional=True),
}  # fmt: skip
UPDATED_SERVICE = changing(((2, 0), Record("SwitchedService", _SWITCHED)), ((2, 53), SERVICE))

_AUDIT = {
    "period_beginning": TEXT, "period_ending": TEXT, "num_hosts": INTEGER, "num_hosts_done": INTEGER, "num_hosts_running": INTEGER,
    "num_hosts_not_run": INTEGER, "hosts_not_run": TEXTS, "total_instances": INTEGER, "total_errors": INTEGER, "log": OBJECT,
    "overall_status": TEXT,
}  # fmt: skip
AUDIT = Record("UsageAudit", _AUDIT)
