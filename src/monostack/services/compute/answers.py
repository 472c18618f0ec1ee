"""Schemas of what the compute API answers: what several resources share, and the small ones."""

from monostack.http.answers import (
    FLAG,
    ID,
    INTEGER,
    NULL,
    NUMBER,
    TEXT,
    TEXTS,
    Record,
    changing,
    either,
    envelope,
    many,
    maybe,
    optional,
    since,
    until,
)

LINKS = many(Record("Link", {"rel": TEXT, "href": TEXT}))
NUMBER_OR_ID = changing(((2, 0), INTEGER), ((2, 53), ID))  # what was a number of the database is a UUID by now


def page(plural: str, schema: object) -> Record:
    """A list, with the link to its next page."""
    return Record("", {plural: many(schema), f"{plural}_links": optional(LINKS)})


_VERSION = {"id": TEXT, "status": TEXT, "version": TEXT, "min_version": TEXT, "updated": TEXT}
VERSIONS = envelope("versions", many(Record("VersionSummary", {**_VERSION, "links": LINKS})))
_VERSION_LINK = Record("VersionLink", {"rel": TEXT, "href": TEXT, "type": optional(TEXT)})
_MEDIA = Record("MediaType", {"base": TEXT, "type": TEXT})
VERSION = envelope("version", Record("Version", {**_VERSION, "links": many(_VERSION_LINK), "media-types": many(_MEDIA)}))

EXTENSION = Record("Extension", {"alias": TEXT, "description": TEXT, "links": TEXTS, "name": TEXT, "namespace": TEXT, "updated": TEXT})

# --- key pairs -----------------------------------------------------------------------------------------------------------

_KEYPAIR = {"name": TEXT, "public_key": TEXT, "fingerprint": TEXT, "type": since((2, 2), TEXT)}
KEYPAIRS = page("keypairs", envelope("keypair", Record("KeypairSummary", _KEYPAIR)))
_KEPT = {"user_id": TEXT, "created_at": TEXT, "id": INTEGER, "deleted": FLAG, "deleted_at": NULL, "updated_at": NULL}
KEYPAIR = envelope("keypair", Record("Keypair", {**_KEYPAIR, **_KEPT}))
NEW_KEYPAIR = envelope("keypair", Record("NewKeypair", {**_KEYPAIR, "user_id": TEXT, "private_key": optional(TEXT)}))

# --- server groups, usage ------------------------------------------------------------------------------------------------

SERVER_GROUP = Record(
    "ServerGroup",
    {
        "id": ID, "name": TEXT, "policies": until((2, 63), TEXTS), "metadata": until((2, 63), Record("", {})), "members": TEXTS,
        "policy": since((2, 64), TEXT), "rules": since((2, 64), Record("", {"max_server_per_host": optional(INTEGER)})),
        "project_id": since((2, 13), TEXT), "user_id": since((2, 13), TEXT),
    },
)  # fmt: skip
_SERVER_USAGE = Record(
    "ServerUsage",
    {
        "hours": NUMBER, "flavor": TEXT, "instance_id": ID, "name": TEXT, "tenant_id": TEXT, "memory_mb": INTEGER, "local_gb": INTEGER,
        "vcpus": INTEGER, "started_at": TEXT, "ended_at": maybe(TEXT), "state": TEXT, "uptime": INTEGER,
    },
)  # fmt: skip
USAGE = Record(
    "Usage",
    {
        "tenant_id": TEXT, "start": TEXT, "stop": TEXT, "total_local_gb_usage": NUMBER, "total_vcpus_usage": NUMBER,
        "total_memory_mb_usage": NUMBER, "total_hours": NUMBER, "server_usages": optional(many(_SERVER_USAGE)),
    },
)  # fmt: skip
_NO_USAGE = Record("", {})
ONE_USAGE = Record("", {"tenant_usage": either(USAGE, _NO_USAGE), "tenant_usage_links": optional(LINKS)})

# --- migrations ----------------------------------------------------------------------------------------------------------

_PLACES = {name: optional(maybe(TEXT)) for name in ("dest_compute", "dest_host", "dest_node", "source_compute", "source_node")}
_OWNER = {"user_id": since((2, 80), TEXT), "project_id": since((2, 80), TEXT)}
MIGRATION = Record(
    "Migration",
    {
        "id": INTEGER, "instance_uuid": ID, "status": TEXT, "created_at": TEXT, "updated_at": maybe(TEXT),
        "old_instance_type_id": INTEGER, "new_instance_type_id": INTEGER, "migration_type": since((2, 23), TEXT),
        "links": since((2, 23), LINKS, optional=True), "uuid": since((2, 59), ID), **_PLACES, **_OWNER,
    },
)  # fmt: skip
_COUNTERS = [f"{what}_{how}_bytes" for what in ("disk", "memory") for how in ("processed", "remaining", "total")]
UNDER_WAY = Record(
    "MigrationUnderWay",
    {
        "id": INTEGER, "server_uuid": ID, "status": TEXT, "created_at": TEXT, "updated_at": maybe(TEXT), "uuid": since((2, 59), ID),
        **dict.fromkeys(_COUNTERS, maybe(INTEGER)), **_PLACES, **_OWNER,
    },
)  # fmt: skip

# --- quotas --------------------------------------------------------------------------------------------------------------

_ALWAYS = ("cores", "instances", "key_pairs", "metadata_items", "ram")
_GROUPS = ("server_group_members", "server_groups")
_ELSEWHERE = ("fixed_ips", "floating_ips", "security_group_rules", "security_groups")
_INJECTED = ("injected_file_content_bytes", "injected_file_path_bytes", "injected_files")


def _quotas(kind: object) -> dict[str, object]:
    injected = {name: until((2, 56), kind) for name in _INJECTED}
    return {**dict.fromkeys((*_ALWAYS, *_GROUPS), kind), **{name: until((2, 35), kind) for name in _ELSEWHERE}, **injected}


QUOTAS = Record("QuotaSet", {"id": TEXT, **_quotas(INTEGER)})
UPDATED_QUOTAS = QUOTAS.with_keys("UpdatedQuotaSet", {}, without=("id",))
QUOTAS_IN_USE = Record(
    "QuotaSetInUse", {"id": TEXT, **_quotas(Record("QuotaUse", {"limit": INTEGER, "in_use": INTEGER, "reserved": INTEGER}))}
)
QUOTA_CLASS = Record(
    "QuotaClassSet",
    {
        **dict.fromkeys(("id", *_ALWAYS), INTEGER), "id": TEXT, **{name: since((2, 50), INTEGER) for name in _GROUPS},
        **{name: until((2, 49), INTEGER) for name in _ELSEWHERE}, **{name: until((2, 56), INTEGER) for name in _INJECTED},
    },
)  # fmt: skip
UPDATED_QUOTA_CLASS = QUOTA_CLASS.with_keys("UpdatedQuotaClassSet", {}, without=("id",))
_LIMITS = (
    "maxTotalCores", "maxTotalInstances", "maxTotalKeypairs", "maxServerMeta", "maxTotalRAMSize", "maxServerGroups",
    "maxServerGroupMembers", "totalRAMUsed", "totalCoresUsed", "totalInstancesUsed", "totalServerGroupsUsed",
)  # fmt: skip
_FORMER = (
    "maxTotalFloatingIps", "maxSecurityGroups", "maxSecurityGroupRules", "totalFloatingIpsUsed", "totalSecurityGroupsUsed",
)  # fmt: skip
_ABSOLUTE = Record(
    "Limits",
    {
        **dict.fromkeys(_LIMITS, INTEGER), "maxImageMeta": until((2, 38), INTEGER), "maxPersonality": until((2, 56), INTEGER),
        "maxPersonalitySize": until((2, 56), INTEGER), **{name: until((2, 35), INTEGER) for name in _FORMER},
    },
)  # fmt: skip
LIMITS = envelope("limits", Record("", {"rate": {"type": "array", "maxItems": 0}, "absolute": _ABSOLUTE}))
