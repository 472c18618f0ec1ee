"""Schemas of what Nova answers of networks, volumes and images as it did when it kept them itself."""

from monostack.http.answers import ANYTHING, ID, INTEGER, NULL, TEXT, Record, envelope, many, mapping, maybe, optional
from monostack.services.compute.answers import LINKS, page

METADATA = envelope("metadata", mapping(TEXT))
META = envelope("meta", mapping(TEXT))
_SERVER = optional(Record("ServerOfImage", {"id": TEXT, "links": LINKS}))
_IMAGE_LINK = Record("ImageLink", {"rel": TEXT, "href": TEXT, "type": optional(TEXT)})
IMAGE_SUMMARY = Record("ImageSummary", {"id": ID, "name": maybe(TEXT), "links": many(_IMAGE_LINK)})
IMAGE = IMAGE_SUMMARY.with_keys(
    "Image",
    {
        "metadata": mapping(TEXT), "minDisk": INTEGER, "minRam": INTEGER, "status": TEXT, "progress": INTEGER, "created": TEXT,
        "updated": maybe(TEXT), "OS-EXT-IMG-SIZE:size": maybe(INTEGER), "server": _SERVER, "OS-DCF:diskConfig": optional(TEXT),
    },
)  # fmt: skip
IMAGES = page("images", IMAGE_SUMMARY)
IMAGE_DETAILS = page("images", IMAGE)

_FLOATING_IP = {"fixed_ip": maybe(TEXT), "id": ID, "ip": TEXT, "instance_id": maybe(ID), "pool": TEXT}
FLOATING_IP = Record("FloatingIp", _FLOATING_IP)
POOLS = envelope("floating_ip_pools", many(envelope("name", TEXT)))
_UNKNOWN = ("cidr", "netmask", "gateway", "broadcast", "dns1", "dns2", "cidr_v6", "gateway_v6", "netmask_v6")
_FOR_ADMINISTRATORS = (
    "created_at", "updated_at", "deleted_at", "deleted", "injected", "bridge", "vlan", "vpn_public_address", "vpn_public_port",
    "vpn_private_address", "dhcp_start", "project_id", "host", "bridge_interface", "multi_host", "priority", "rxtx_base", "mtu",
    "dhcp_server", "enable_dhcp", "share_address",
)  # fmt: skip
_NO_LONGER_KNOWN = {**dict.fromkeys(_UNKNOWN, NULL), **dict.fromkeys(_FOR_ADMINISTRATORS, optional(NULL))}
NETWORK = Record("Network", {"id": ID, "label": TEXT, **_NO_LONGER_KNOWN})
TENANT_NETWORK = Record("TenantNetwork", {"id": ID, "cidr": TEXT, "label": TEXT})

_RULE = {
    "id": ID, "parent_group_id": ID, "ip_protocol": maybe(TEXT), "from_port": maybe(INTEGER), "to_port": maybe(INTEGER),
    "group": Record("", {"name": optional(TEXT), "tenant_id": optional(TEXT)}), "ip_range": Record("", {"cidr": optional(TEXT)}),
}  # fmt: skip
RULE = Record("SecurityGroupRule", _RULE)
GROUP = Record("SecurityGroup", {"id": ID, "name": TEXT, "description": maybe(TEXT), "tenant_id": TEXT, "rules": many(RULE)})

_ATTACHED = {"id": optional(ID), "volumeId": optional(ID), "serverId": optional(ID), "device": optional(maybe(TEXT))}
VOLUME = Record(
    "Volume",
    {
        "id": ID, "status": TEXT, "size": INTEGER, "availabilityZone": maybe(TEXT), "createdAt": TEXT,
        "attachments": many(Record("AttachmentOfVolume", _ATTACHED)), "displayName": maybe(TEXT), "displayDescription": maybe(TEXT),
        "volumeType": maybe(TEXT), "snapshotId": maybe(ID), "metadata": mapping(ANYTHING),
    },
)  # fmt: skip
_SNAPSHOT = {"id": ID, "volumeId": ID, "status": TEXT, "size": INTEGER, "createdAt": TEXT}
SNAPSHOT = Record("Snapshot", {**_SNAPSHOT, "displayName": maybe(TEXT), "displayDescription": maybe(TEXT)})
