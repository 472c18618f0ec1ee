"""The identity service: who may call, for what, and where the services are."""

from monostack.authz.defaults.identity import POLICIES
from monostack.http import Service
from monostack.services.identity import discovery, domains, gone, own_scopes, policies, regions, services
from monostack.services.identity.application_credentials import api as application_credentials
from monostack.services.identity.application_credentials import rules as access_rules
from monostack.services.identity.assignments import grants
from monostack.services.identity.assignments import listing as assignments
from monostack.services.identity.bootstrap import bootstrap
from monostack.services.identity.credentials import api as credentials
from monostack.services.identity.credentials import ec2
from monostack.services.identity.dialect import DIALECT
from monostack.services.identity.domain_config import api as domain_config
from monostack.services.identity.endpoint_filter import api as endpoint_filter
from monostack.services.identity.endpoints import api as endpoints
from monostack.services.identity.groups import api as groups
from monostack.services.identity.limits import api as limits
from monostack.services.identity.oauth1 import access_tokens, consumers, flow
from monostack.services.identity.policy_associations import api as policy_associations
from monostack.services.identity.projects import api as projects
from monostack.services.identity.projects import listing as project_lists
from monostack.services.identity.projects import tags
from monostack.services.identity.reconcilers import expired, inactive
from monostack.services.identity.roles import api as roles
from monostack.services.identity.roles import implied
from monostack.services.identity.routing import finished
from monostack.services.identity.tokens import api as tokens
from monostack.services.identity.trusts import api as trusts
from monostack.services.identity.users import api as users
from monostack.services.identity.users import own_password
from monostack.services.identity.v2 import api as v2

ROUTES = (
    discovery.routes, tokens.routes, own_scopes.routes, domains.routes, domain_config.routes, projects.routes, project_lists.routes,
    tags.routes, users.routes, own_password.routes, groups.routes, roles.routes, implied.routes, grants.routes, assignments.routes,
    regions.routes, services.routes, endpoints.routes, application_credentials.routes, access_rules.routes, trusts.routes,
    credentials.routes, ec2.routes, v2.routes, policies.routes, endpoint_filter.group_routes, endpoint_filter.routes,
    limits.registered_routes, limits.routes, consumers.routes, flow.routes, access_tokens.routes, policy_associations.routes,
    gone.routes,
)  # fmt: skip

SERVICE = Service(
    type="identity",
    name="keystone",
    prefix="/identity",
    catalog_path="/v3",
    description="OpenStack Identity",
    dialect=DIALECT,
    routes=[finished(group) for group in ROUTES],
    policies=POLICIES,
    bootstrap=bootstrap,
    reconcilers=(expired.RECONCILER, inactive.RECONCILER),
)
