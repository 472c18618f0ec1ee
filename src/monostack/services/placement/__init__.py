"""The placement service: who has how much of what, and who holds it."""

from monostack.authz.defaults.placement import POLICIES
from monostack.http import Service
from monostack.services.placement import aggregates, reshaper, resource_classes, root, traits, usages
from monostack.services.placement import facade as facade
from monostack.services.placement.allocations import api as allocations
from monostack.services.placement.candidates import api as candidates
from monostack.services.placement.dialect import DIALECT, MICROVERSIONS
from monostack.services.placement.exchange import served
from monostack.services.placement.inventories import api as inventories
from monostack.services.placement.providers import api as providers

_ROUTES = (
    root.routes, resource_classes.routes, providers.routes, inventories.routes, usages.provider_routes, aggregates.routes,
    allocations.provider_routes, traits.provider_routes, allocations.routes, candidates.routes, traits.routes, usages.routes,
    reshaper.routes,
)  # fmt: skip

SERVICE = Service(
    type="placement",
    name="placement",
    prefix="/placement",
    description="OpenStack Placement",
    dialect=DIALECT,
    routes=[served(group) for group in _ROUTES],
    policies=POLICIES,
    microversions=MICROVERSIONS,
)
