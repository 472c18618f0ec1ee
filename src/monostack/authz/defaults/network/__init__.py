"""Neutron's default policies (neutron 29.0.0). Deprecated defaults are left out, as OpenStack does (enforce_new_defaults)."""

from monostack.authz.defaults.network import networks, operation, ports, qos, routers, rules, security
from monostack.authz.policy import Policy

POLICIES: tuple[Policy, ...] = (
    *rules.POLICIES,
    *networks.POLICIES,
    *ports.POLICIES,
    *routers.POLICIES,
    *security.POLICIES,
    *qos.POLICIES,
    *operation.POLICIES,
)
