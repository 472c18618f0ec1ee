"""The network service: Neutron's API, and the controller's half of the data plane."""

import re
from typing import Any

from monostack.authz.defaults.network import POLICIES
from monostack.authz.network_checks import NETWORK_KINDS
from monostack.db import Transaction
from monostack.http import Service
from monostack.services.network import availability, extensions, quotas, root, zones
from monostack.services.network.address_groups import api as address_groups_api
from monostack.services.network.address_scopes import api as address_scopes_api
from monostack.services.network.agents import api as agents_api
from monostack.services.network.agents import scheduling
from monostack.services.network.conntrack_helpers import api as conntrack_helpers_api
from monostack.services.network.default_rules import api as default_rules_api
from monostack.services.network.default_rules.table import bootstrap as begin_default_rules
from monostack.services.network.default_statefulness import api as default_statefulness_api
from monostack.services.network.desired.sync import Sync
from monostack.services.network.dialect import DIALECT
from monostack.services.network.flavors import api as flavors_api
from monostack.services.network.floatingips import api as floatingips_api
from monostack.services.network.forwardings import api as forwardings_api
from monostack.services.network.groups import api as groups_api
from monostack.services.network.local_ips import api as local_ips_api
from monostack.services.network.metering import api as metering_api
from monostack.services.network.ndp_proxies import api as ndp_proxies_api
from monostack.services.network.networks import api as networks_api
from monostack.services.network.packet_logs import api as packet_logs_api
from monostack.services.network.pools import api as pools_api
from monostack.services.network.pools import onboarding
from monostack.services.network.ports import api as ports_api
from monostack.services.network.qos import api as qos_api
from monostack.services.network.rbac import api as rbac_api
from monostack.services.network.reconcilers import RECONCILERS
from monostack.services.network.routers import api as routers_api
from monostack.services.network.segment_ranges import api as segment_ranges_api
from monostack.services.network.segment_ranges.table import bootstrap as begin_segment_ranges
from monostack.services.network.segments import api as segments_api
from monostack.services.network.subnets import api as subnets_api
from monostack.services.network.topologies import api as topologies_api
from monostack.services.network.trunks import api as trunks_api


def _start(cloud: Any) -> None:
    cloud.network = Sync(cloud)
    cloud.network.open()


def _bootstrap(tx: Transaction, cloud: Any) -> None:
    begin_default_rules(tx)
    begin_segment_ranges(tx)


def _respelled(path: str) -> str | None:
    """A collection's name may be written with dashes or with underscores: /v2.0/network_segment_ranges."""
    version, _, rest = path[1:].partition("/")
    collection, slash, tail = rest.partition("/")
    other = collection.replace("_", "-") if "_" in collection else collection.replace("-", "_")
    return f"/{version}/{other}{slash}{tail}" if other != collection else None


SERVICE = Service(
    type="network",
    name="neutron",
    prefix="/network",
    description="OpenStack Networking",
    dialect=DIALECT,
    routes=(
        root.routes, extensions.routes, quotas.routes, zones.routes, availability.routes, *networks_api.routes,
        *subnets_api.routes, *pools_api.routes, *ports_api.routes, *groups_api.routes, *routers_api.routes, *floatingips_api.routes,
        *forwardings_api.routes, *conntrack_helpers_api.routes, *rbac_api.routes, *qos_api.routes,
        *address_groups_api.routes, *address_scopes_api.routes, *default_rules_api.routes, *default_statefulness_api.routes,
        *flavors_api.routes,
        *metering_api.routes, *segment_ranges_api.routes, *segments_api.routes,
        *agents_api.routes, scheduling.routes,
        topologies_api.routes, *trunks_api.routes, onboarding.routes, *ndp_proxies_api.routes,
        *local_ips_api.routes, *packet_logs_api.routes,
    ),
    policies=POLICIES,
    policy_kinds=NETWORK_KINDS,
    reconcilers=RECONCILERS,
    bootstrap=_bootstrap,
    start=_start,
    respelled=_respelled,
    suffix=re.compile(r"\.json$", re.IGNORECASE),
)  # fmt: skip
