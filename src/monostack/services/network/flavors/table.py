"""The flavors, the service profiles, and which flavor has which."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.db import Id, Row, Transaction, table
from monostack.http import Request
from monostack.resources import Field, Kind, Resource
from monostack.resources.fields import REQUIRED
from monostack.services.network import values
from monostack.services.network.lookup import among, values_of
from monostack.services.network.root import PROVIDERS
from monostack.services.network.style import STYLE
from monostack.services.network.words import refused

SERVICE_TYPES = (*(provider["service_type"] for provider in PROVIDERS), "FLAVORS", "METERING", "QOS")
"""What Neutron calls the services that run here, whether or not there is a choice of who makes them."""


def _service_type(value: Any) -> str:
    if value not in SERVICE_TYPES:
        raise refused(f"Invalid service type: {value}.", "InvalidServiceType")
    return value


def _description() -> Field:
    return Field("description", values.nullable(values.text(1024)), default="", create=True, update=True, nullable=True)


def _expand(tx: Transaction, request: Request, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    profiles = values_of(tx, _PROFILES_OF, [row.id for row in rows])
    return [{"service_profiles": profiles(row.id)} for row in rows]


FLAVORS = Resource(
    "flavor",
    "flavors",
    STYLE,
    path="/v2.0/flavors",
    table_name="network_flavors",
    fields=(
        Field("id", values.uuid()),
        Field("name", values.name(), default="", create=True, update=True),
        _description(),
        Field("service_type", Kind(sa.String(64), {"enum": list(SERVICE_TYPES)}, accept=_service_type), default=REQUIRED, create=True),
        Field("service_profiles", values.group_ids(), create=True, update=True, column=None),
        Field("enabled", values.boolean(), default=True, create=True, update=True),
    ),
    expand=_expand,
)
PROFILES = Resource(
    "service_profile",
    "service_profiles",
    STYLE,
    path="/v2.0/service_profiles",
    table_name="network_service_profiles",
    fields=(
        Field("id", values.uuid()),
        _description(),
        Field("driver", values.text(1024), default="", create=True, update=True),
        Field("metainfo", values.text(4096), default="", create=True, update=True, filter=False),
        Field("enabled", values.boolean(), default=True, create=True, update=True),
    ),
)
bindings = table(
    "network_flavor_profiles",
    sa.Column("flavor_id", Id(), sa.ForeignKey("network_flavors.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("service_profile_id", Id(), sa.ForeignKey("network_service_profiles.id"), primary_key=True, index=True),
)
_b, _f, _p = bindings.c, FLAVORS.table.c, PROFILES.table.c
_PROFILES_OF = sa.select(_b.flavor_id, _b.service_profile_id).where(among(_b.flavor_id)).order_by(_b.service_profile_id)
_ADD = sa.insert(bindings)
_THIS = (_b.flavor_id == sa.bindparam("flavor"), _b.service_profile_id == sa.bindparam("profile"))
_BOUND = sa.select(_b.flavor_id).where(*_THIS)
_REMOVE = sa.delete(bindings).where(*_THIS)
_USED = sa.select(_b.flavor_id).where(_b.service_profile_id == sa.bindparam("profile")).limit(1)
_DRIVERS = (
    sa.select(PROFILES.table)
    .join(bindings, _b.service_profile_id == _p.id)
    .where(_b.flavor_id == sa.bindparam("flavor"))
    .order_by(_p.id)
)


def has(tx: Transaction, flavor_id: str, profile_id: str) -> bool:
    return tx.scalar(_BOUND, {"flavor": flavor_id, "profile": profile_id}) is not None


def bind(tx: Transaction, flavor_id: str, profile_id: str) -> None:
    tx.execute(_ADD, {"flavor_id": flavor_id, "service_profile_id": profile_id})


def unbind(tx: Transaction, flavor_id: str, profile_id: str) -> None:
    tx.execute(_REMOVE, {"flavor": flavor_id, "profile": profile_id})


def is_used(tx: Transaction, profile_id: str) -> bool:
    """A flavor has the profile."""
    return tx.scalar(_USED, {"profile": profile_id}) is not None


def profiles_of(tx: Transaction, flavor_id: str) -> Sequence[Row]:
    return tx.rows(_DRIVERS, {"flavor": flavor_id})
