"""The body of POST /servers at each microversion. Source: the compute API reference."""

from typing import Any

from monostack.services.compute.parameters import (
    ANYTHING,
    BOOLEAN,
    DESCRIPTION,
    DISK_CONFIG,
    FLAVOR_REF,
    FQDN,
    HOSTNAME,
    IP,
    IPV4,
    IPV6,
    METADATA,
    NAME,
    PERSONALITY,
    POSITIVE,
    SIZE,
    TAG,
    TEXT,
    UUID,
    UUID_OR_EMPTY,
    Json,
    fields,
)

Version = tuple[int, int]
_TEXT_255 = {"type": "string", "maxLength": 255}
_LEGACY_DEVICE: Json = {
    "virtual_name": _TEXT_255,
    "volume_id": UUID,
    "snapshot_id": UUID,
    "volume_size": SIZE,
    "device_name": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9._/-]*$"},
    "delete_on_termination": BOOLEAN,
    "no_device": ANYTHING,
    "connection_info": {"type": "string", "maxLength": 16777215},
}
_DEVICE: Json = {
    **_LEGACY_DEVICE,
    "source_type": {"type": "string", "enum": ["volume", "image", "snapshot", "blank"]},
    "uuid": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9._-]*$"},
    "image_id": UUID,
    "destination_type": {"type": "string", "enum": ["local", "volume"]},
    "guest_format": _TEXT_255,
    "device_type": _TEXT_255,
    "disk_bus": _TEXT_255,
    "boot_index": {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$"},
}
TRUSTED_CERTIFICATES: Json = {
    "type": ["array", "null"], "minItems": 1, "maxItems": 50, "uniqueItems": True, "items": {"type": "string", "minLength": 1}
}  # fmt: skip
_ID_OR_IDS = {"oneOf": [UUID, {"type": "array", "items": UUID}]}
HINTS: Json = {
    "type": "object",
    "properties": {
        "group": {"oneOf": [{"type": "array", "items": UUID}, UUID]},
        "different_host": _ID_OR_IDS,
        "same_host": {"type": ["string", "array"], "items": UUID},
        "query": {"type": ["string", "object"]},
        "target_cell": NAME,
        "different_cell": {"type": ["string", "array"], "items": {"type": "string"}},
        "build_near_host_ip": IP,
        "cidr": {"type": "string", "pattern": "^/[0-9a-f.:]+$"},
    },
    "additionalProperties": True,
}


def _networks(version: Version) -> Json:
    port: Json = {"type": ["string", "null"], "format": "uuid"}
    tag = {"tag": TAG} if version == (2, 32) or (2, 33) <= version < (2, 37) or version >= (2, 42) else {}
    if version < (2, 37):
        return {"type": "array", "items": fields({"fixed_ip": IP, "port": port, "uuid": TEXT, **tag})}
    each = {"type": "array", "items": fields({"fixed_ip": IP, "port": port, "uuid": UUID, **tag})}
    return {"oneOf": [each, {"type": "string", "enum": ["none", "auto"]}]}


def _devices(version: Version) -> Json:
    more: Json = {"tag": TAG} if version == (2, 32) or version >= (2, 42) else {}
    if version >= (2, 67):
        more["volume_type"] = {"type": ["string", "null"], "minLength": 0, "maxLength": 255}
    return {"type": "array", "maxItems": 64, "items": fields({**_DEVICE, **more})}


def _server(version: Version) -> Json:
    properties: Json = {
        "name": NAME,
        "imageRef": UUID_OR_EMPTY,
        "flavorRef": FLAVOR_REF,
        "adminPass": TEXT,
        "metadata": METADATA,
        "networks": _networks(version),
        "OS-DCF:diskConfig": DISK_CONFIG,
        "accessIPv4": IPV4,
        "accessIPv6": IPV6,
        "personality": PERSONALITY,
        "availability_zone": NAME,
        "block_device_mapping": {"type": "array", "maxItems": 64, "items": fields(_LEGACY_DEVICE)},
        "block_device_mapping_v2": _devices(version),
        "config_drive": BOOLEAN,
        "key_name": NAME,
        "min_count": POSITIVE,
        "max_count": POSITIVE,
        "return_reservation_id": BOOLEAN,
        "security_groups": {"type": "array", "maxItems": 128, "items": fields({"name": NAME})},
        "user_data": {"type": "string", "format": "base64", "maxLength": 65535},
    }
    if version >= (2, 19):
        properties["description"] = DESCRIPTION
    if version >= (2, 52):
        properties["tags"] = {"type": "array", "items": TAG, "maxItems": 50}
    if version >= (2, 57):
        del properties["personality"]
    if version >= (2, 63):
        properties["trusted_image_certificates"] = TRUSTED_CERTIFICATES
    if version >= (2, 74):
        properties.update(host=FQDN, hypervisor_hostname=FQDN)
    if version >= (2, 90):
        properties["hostname"] = FQDN if version >= (2, 94) else HOSTNAME
    required = ("name", "flavorRef", "networks") if version >= (2, 37) else ("name", "flavorRef")
    return fields(properties, required)


def _body(version: Version) -> Json:
    return fields({"server": _server(version), "os:scheduler_hints": HINTS, "OS-SCH-HNT:scheduler_hints": HINTS}, ("server",))


_BORDERS: tuple[Version, ...] = (
    (0, 0), (2, 19), (2, 32), (2, 33), (2, 37), (2, 42), (2, 52), (2, 57), (2, 63), (2, 67), (2, 74), (2, 90), (2, 94)
)  # fmt: skip
CREATE: list[tuple[Version, Any]] = [(border, _body(border)) for border in _BORDERS]
