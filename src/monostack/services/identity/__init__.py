"""The identity service: who may call, for what, and where the services are."""

from monostack.authz.defaults.identity import POLICIES
from monostack.http import Service
from monostack.services.identity import domains, endpoints, roles, services
from monostack.services.identity.assignments import grants
from monostack.services.identity.bootstrap import bootstrap
from monostack.services.identity.dialect import DIALECT
from monostack.services.identity.generation import telling
from monostack.services.identity.groups import GROUPS
from monostack.services.identity.projects import api as projects
from monostack.services.identity.regions import REGIONS
from monostack.services.identity.tokens import api as tokens
from monostack.services.identity.users import api as users

ROUTES = (
    tokens.routes, domains.routes, projects.routes, users.routes, GROUPS.routes(), roles.routes, REGIONS.routes(),
    services.routes, endpoints.routes, grants.routes,
)  # fmt: skip

SERVICE = Service(
    type="identity",
    name="keystone",
    prefix="/identity",
    catalog_path="/v3",
    description="OpenStack Identity",
    dialect=DIALECT,
    routes=[telling(group) for group in ROUTES],
    policies=POLICIES,
    bootstrap=bootstrap,
)
