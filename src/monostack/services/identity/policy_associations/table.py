"""The table of associations, and the way from an endpoint to its policy: by itself, by its service in its region or one around it, by its
service."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from monostack.db import Row, Transaction, table
from monostack.services.identity.endpoints.table import endpoints
from monostack.services.identity.regions import regions

# An endpoint; a service; or a service and a region. One policy for each: the key says what it is of.
Place = tuple[str | None, str | None, str | None]

associations = table(
    "policy_associations",
    sa.Column("place", sa.String(400), primary_key=True),
    sa.Column("policy_id", sa.ForeignKey("policies.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("endpoint_id", sa.ForeignKey("catalog_endpoints.id", ondelete="CASCADE"), index=True),
    sa.Column("service_id", sa.ForeignKey("catalog_services.id", ondelete="CASCADE"), index=True),
    sa.Column("region_id", sa.ForeignKey("regions.id", ondelete="CASCADE"), index=True),
)

_OF_PLACE = sa.select(associations.c.policy_id).where(associations.c.place == sa.bindparam("of_place"))
_OF_POLICY = sa.select(associations).where(associations.c.policy_id == sa.bindparam("policy")).order_by(associations.c.place)
_CLEAR = sa.delete(associations).where(associations.c.place == sa.bindparam("of_place"))
_ADD = sa.insert(associations)
_ENDPOINTS = sa.select(endpoints).order_by(endpoints.c.id)
_REGIONS = sa.select(regions.c.id, regions.c.parent_region_id)


def _key(place: Place) -> str:
    return "/".join(part or "" for part in place)


def policy_at(tx: Transaction, place: Place) -> str | None:
    """The id of the policy that is associated with exactly this place."""
    return tx.scalar(_OF_PLACE, {"of_place": _key(place)})


def associate(tx: Transaction, place: Place, policy_id: str) -> None:
    """Associate a policy, in place of the one that was."""
    dissociate(tx, place)
    endpoint_id, service_id, region_id = place
    row = {"endpoint_id": endpoint_id, "service_id": service_id, "region_id": region_id}
    tx.execute(_ADD, {"place": _key(place), "policy_id": policy_id, **row})


def dissociate(tx: Transaction, place: Place) -> None:
    tx.execute(_CLEAR, {"of_place": _key(place)})


def policy_of(tx: Transaction, endpoint: Row) -> str | None:
    """The id of the policy an endpoint goes by, from the nearest place that has one."""
    parents = {row.id: row.parent_region_id for row in tx.rows(_REGIONS)}
    places: list[Place] = [(endpoint.id, None, None)]
    places += [(None, endpoint.service_id, region_id) for region_id in _outwards(endpoint.region_id, parents)]
    places.append((None, endpoint.service_id, None))
    return next((found for place in places if (found := policy_at(tx, place)) is not None), None)


def _outwards(region_id: str | None, parents: dict[str, str | None]) -> Iterator[str]:
    """A region and those around it; a circle ends where it began."""
    seen: set[str] = set()
    while region_id is not None and region_id not in seen:
        seen.add(region_id)
        yield region_id
        region_id = parents.get(region_id)


def endpoints_of(tx: Transaction, policy_id: str) -> Sequence[Row]:
    """The endpoints that a policy's associations name: themselves, by their service, or by their service within a region."""
    parents = {row.id: row.parent_region_id for row in tx.rows(_REGIONS)}
    everyone = tx.rows(_ENDPOINTS)
    found: list[Row] = []
    for one in tx.rows(_OF_POLICY, {"policy": policy_id}):
        for endpoint in everyone:
            if one.endpoint_id is not None:
                named = endpoint.id == one.endpoint_id
            else:
                inside = one.region_id is None or one.region_id in _outwards(endpoint.region_id, parents)
                named = endpoint.service_id == one.service_id and inside
            if named:
                found.append(endpoint)
    return found
