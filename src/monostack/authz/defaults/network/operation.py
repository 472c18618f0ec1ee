"""Neutron's default policies: agents, zones, flavors, quotas, metering and logging (neutron 29.0.0)."""

from monostack.authz.defaults.network.rules import ADMIN, ANY_READER, MANAGER, READER
from monostack.authz.policy import PROJECT, Policy, policies

POLICIES: tuple[Policy, ...] = (
    *policies(PROJECT, {
        # Agent
        "create_agent": ADMIN,
        "get_agent": ADMIN,
        "update_agent": ADMIN,
        "delete_agent": ADMIN,
        "create_dhcp-network": ADMIN,
        "get_dhcp-networks": ADMIN,
        "delete_dhcp-network": ADMIN,
        "create_l3-router": ADMIN,
        "get_l3-routers": ADMIN,
        "update_l3-router": ADMIN,
        "delete_l3-router": ADMIN,
        "get_dhcp-agents": ADMIN,
        "get_l3-agents": ADMIN,
        # Availability zone
        "get_availability_zone": ANY_READER,
        # Flavor
        "create_flavor": ADMIN,
        "get_flavor": ANY_READER,
        "update_flavor": ADMIN,
        "delete_flavor": ADMIN,
        "create_service_profile": ADMIN,
        "get_service_profile": ADMIN,
        "update_service_profile": ADMIN,
        "delete_service_profile": ADMIN,
        "get_flavor_service_profile": READER,
        "create_flavor_service_profile": ADMIN,
        "delete_flavor_service_profile": ADMIN,
        # Logging
        "get_loggable_resource": MANAGER,
        "create_log": MANAGER,
        "get_log": MANAGER,
        "update_log": MANAGER,
        "delete_log": MANAGER,
        # Metering
        "create_metering_label": MANAGER,
        "get_metering_label": READER,
        "delete_metering_label": MANAGER,
        "create_metering_label_rule": MANAGER,
        "get_metering_label_rule": READER,
        "delete_metering_label_rule": MANAGER,
        # Quotas
        "get_quota": MANAGER,
        "update_quota": ADMIN,
        "delete_quota": ADMIN,
        # Service type
        "get_service_provider": ANY_READER,
    }),
)
