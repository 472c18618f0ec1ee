"""Schemas of servers and of what is theirs."""

from typing import Any

from monostack.http.answers import (
    FLAG,
    ID,
    INTEGER,
    NULL,
    TEXT,
    TEXTS,
    Key,
    Record,
    changing,
    either,
    envelope,
    many,
    mapping,
    maybe,
    optional,
    since,
)
from monostack.services.compute.answers import LINKS, page

SUMMARY = Record("ServerSummary", {"id": ID, "name": TEXT, "links": LINKS})
_EMPTY = {"const": ""}
_IMAGE = Record("ImageOfServer", {"id": TEXT, "links": LINKS, "properties": since((2, 98), mapping(TEXT))})
_SIZES = dict.fromkeys(("vcpus", "ram", "disk", "ephemeral", "swap"), INTEGER)
_FLAVOR = Record("FlavorOfServer", {"original_name": TEXT, **_SIZES, "extra_specs": optional(mapping(TEXT))})
_PLAIN_ADDRESS = {"version": {"enum": [4, 6]}, "addr": TEXT}
ADDRESSES = mapping(many(Record("PlainAddress", _PLAIN_ADDRESS)))
_ADDRESSES = mapping(many(Record("Address", {**_PLAIN_ADDRESS, "OS-EXT-IPS:type": TEXT, "OS-EXT-IPS-MAC:mac_addr": TEXT})))
_FAULT = Record("ServerFault", {"code": INTEGER, "created": TEXT, "message": TEXT, "details": optional(TEXT)})
_ATTACHED = Record("VolumeOfServer", {"id": ID, "delete_on_termination": since((2, 3), FLAG)})
# What every answer with a server in full has, and what only some have.
_ALWAYS: dict[str, object] = {
    "id": ID, "name": TEXT, "tenant_id": TEXT, "user_id": TEXT, "status": TEXT, "hostId": TEXT, "accessIPv4": TEXT, "accessIPv6": TEXT,
    "created": TEXT, "updated": TEXT, "links": LINKS, "metadata": mapping(TEXT), "image": either(_EMPTY, _IMAGE),
    "flavor": changing(((2, 0), Record("FlavorLink", {"id": TEXT, "links": LINKS})), ((2, 47), _FLAVOR)), "OS-DCF:diskConfig": TEXT,
    "progress": optional(INTEGER), "fault": optional(_FAULT), "locked": since((2, 9), FLAG), "description": since((2, 19), maybe(TEXT)),
    "tags": since((2, 26), TEXTS), "trusted_image_certificates": since((2, 63), maybe(TEXTS)),
    "locked_reason": since((2, 73), maybe(TEXT)), "scheduler_hints": since((2, 100), mapping(TEXTS)),
    "OS-EXT-SRV-ATTR:hostname": since((2, 3), TEXT, optional=True), "server_groups": since((2, 71), TEXTS, optional=True),
}  # fmt: skip
BRIEF = Record("ServerAsWritten", {**_ALWAYS, "addresses": ADDRESSES})
_FOR_ADMINISTRATORS: dict[str, object] = {
    "OS-EXT-SRV-ATTR:host": optional(maybe(TEXT)), "OS-EXT-SRV-ATTR:instance_name": optional(TEXT),
    "OS-EXT-SRV-ATTR:hypervisor_hostname": optional(maybe(TEXT)), "host_status": since((2, 16), TEXT, optional=True),
}  # fmt: skip
_LATER = {
    "kernel_id": TEXT, "ramdisk_id": TEXT, "launch_index": INTEGER, "reservation_id": maybe(TEXT), "root_device_name": maybe(TEXT),
    "user_data": maybe(TEXT),
}  # fmt: skip
SERVER = Record(
    "Server",
    {
        **_ALWAYS, **_FOR_ADMINISTRATORS, "addresses": _ADDRESSES, "OS-EXT-AZ:availability_zone": TEXT, "config_drive": TEXT,
        "key_name": maybe(TEXT), "OS-SRV-USG:launched_at": maybe(TEXT), "OS-SRV-USG:terminated_at": maybe(TEXT),
        "OS-EXT-STS:task_state": maybe(TEXT), "OS-EXT-STS:vm_state": TEXT, "OS-EXT-STS:power_state": INTEGER,
        "os-extended-volumes:volumes_attached": many(_ATTACHED), "security_groups": optional(many(envelope("name", TEXT))),
        "pinned_availability_zone": since((2, 96), maybe(TEXT)),
        **{f"OS-EXT-SRV-ATTR:{name}": since((2, 3), kind, optional=True) for name, kind in _LATER.items()},
    },
)  # fmt: skip
ONE = envelope("server", SERVER)
LIST = page("servers", SUMMARY)
DETAIL = page("servers", SERVER)
UPDATED = envelope("server", changing(((2, 0), BRIEF), ((2, 75), SERVER)))
_REBUILT: dict[str, Key] = {
    "adminPass": optional(TEXT), "key_name": since((2, 54), maybe(TEXT)), "user_data": since((2, 57), maybe(TEXT), optional=True),
}  # fmt: skip
REBUILT = envelope(
    "server",
    changing(((2, 0), BRIEF.with_keys("RebuiltServer", _REBUILT)), ((2, 75), SERVER.with_keys("RebuiltServerInFull", _REBUILT))),
)
_NEW = {"id": ID, "links": LINKS, "OS-DCF:diskConfig": TEXT, "security_groups": many(envelope("name", TEXT)), "adminPass": optional(TEXT)}
CREATED = either(envelope("server", Record("NewServer", _NEW)), envelope("reservation_id", TEXT))
ADMIN_PASSWORD = envelope("adminPass", TEXT)
IMAGE_ID = envelope("image_id", ID)

_INTERFACE = {
    "net_id": ID, "port_id": ID, "mac_addr": TEXT, "port_state": TEXT, "tag": since((2, 70), maybe(TEXT)),
    "fixed_ips": many(Record("FixedIp", {"subnet_id": ID, "ip_address": TEXT})),
}  # fmt: skip
INTERFACE = Record("InterfaceAttachment", _INTERFACE)
ATTACHMENT = Record(
    "VolumeAttachment",
    {
        "serverId": ID, "volumeId": ID, "device": maybe(TEXT), "id": Key(ID, until=(2, 88)), "tag": since((2, 70), maybe(TEXT)),
        "delete_on_termination": since((2, 79), FLAG), "attachment_id": since((2, 89), maybe(ID)), "bdm_uuid": since((2, 89), ID),
    },
)  # fmt: skip
# The answer to attaching kept the id that the others lost.
NEW_ATTACHMENT = ATTACHMENT.with_keys("NewVolumeAttachment", {"id": ID}, without=("attachment_id", "bdm_uuid"))
_ACTION: dict[str, object] = {
    "action": TEXT, "request_id": maybe(TEXT), "user_id": maybe(TEXT), "project_id": maybe(TEXT), "start_time": TEXT,
    "message": maybe(TEXT), "instance_uuid": ID, "updated_at": since((2, 58), maybe(TEXT)),
}  # fmt: skip
ACTION_SUMMARY = Record("InstanceActionSummary", {**_ACTION, "links": optional(LINKS)})
_EVENT = {
    "event": TEXT, "start_time": TEXT, "finish_time": maybe(TEXT), "result": maybe(TEXT), "traceback": optional(maybe(TEXT)),
    "hostId": since((2, 62), TEXT), "host": since((2, 62), TEXT, optional=True),
    "details": since((2, 84), maybe(TEXT), optional=True),
}  # fmt: skip
ACTION = Record("InstanceAction", {**_ACTION, "events": optional(many(Record("InstanceActionEvent", _EVENT)))})
_DISK: dict[str, Any] = dict.fromkeys(("read_bytes", "read_requests", "write_bytes", "write_requests", "errors_count"), INTEGER)
_COUNTED = dict.fromkeys([f"{way}_{what}" for way in ("rx", "tx") for what in ("octets", "errors", "drop", "packets")], INTEGER)
_NIC = {"mac_address": TEXT, **_COUNTED, "rx_rate": NULL, "tx_rate": NULL}
_CPU = {"id": INTEGER, "time": INTEGER, "utilisation": NULL}
_UNIFORM = Record(
    "Diagnostics",
    {
        "state": TEXT, "driver": TEXT, "hypervisor": TEXT, "hypervisor_os": TEXT, "uptime": INTEGER, "config_drive": FLAG,
        "num_cpus": INTEGER, "num_nics": INTEGER, "num_disks": INTEGER, "cpu_details": many(Record("CpuDiagnostics", _CPU)),
        "disk_details": many(Record("DiskDiagnostics", _DISK)), "nic_details": many(Record("NicDiagnostics", _NIC)),
        "memory_details": Record("MemoryDiagnostics", {"maximum": INTEGER, "used": INTEGER}),
    },
)  # fmt: skip
DIAGNOSTICS = changing(((2, 0), mapping(INTEGER)), ((2, 48), _UNIFORM))
