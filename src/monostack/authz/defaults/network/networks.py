"""Neutron's default policies: networks, subnets, address scopes and pools (neutron 29.0.0)."""

from monostack.authz.defaults.network.rules import ADMIN, ADMIN_OR_SERVICE, MEMBER, MEMBER_OR_NETWORK_MEMBER, READER, SUBNETPOOL_READER
from monostack.authz.policy import ANY_SCOPE, PROJECT, Policy, policies

POLICIES: tuple[Policy, ...] = (
    *policies(ANY_SCOPE, {
        # Network
        "external": "field:networks:router:external=True",
    }),
    *policies(PROJECT, {
        "create_network": MEMBER,
        "create_network:shared": ADMIN,
        "create_network:router:external": ADMIN,
        "create_network:is_default": ADMIN,
        "create_network:port_security_enabled": MEMBER,
        "create_network:segments": ADMIN,
        "create_network:provider:network_type": ADMIN,
        "create_network:provider:physical_network": ADMIN,
        "create_network:provider:segmentation_id": ADMIN,
        "create_network:tags": MEMBER,
        "get_network": (
            "(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:service_api or rule:shared "
            "or rule:external or rule:context_is_advsvc"
        ),
        "get_network:segments": ADMIN,
        "get_network:provider:network_type": ADMIN,
        "get_network:provider:physical_network": ADMIN,
        "get_network:provider:segmentation_id": ADMIN,
        "get_network:tags": (
            "(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared or rule:external or "
            "rule:context_is_advsvc"
        ),
        "update_network": MEMBER,
        "update_network:segments": ADMIN,
        "update_network:shared": ADMIN,
        "update_network:provider:network_type": ADMIN,
        "update_network:provider:physical_network": ADMIN,
        "update_network:provider:segmentation_id": ADMIN,
        "update_network:router:external": ADMIN,
        "update_network:is_default": ADMIN,
        "update_network:port_security_enabled": MEMBER,
        "update_network:tags": MEMBER,
        "delete_network": MEMBER,
        "delete_network:tags": MEMBER,
        # Network ip availability
        "get_network_ip_availability": ADMIN_OR_SERVICE,
        # Network segment range
        "create_network_segment_range": ADMIN,
        "create_network_segment_range:tags": ADMIN,
        "get_network_segment_range": ADMIN,
        "get_network_segment_range:tags": ADMIN,
        "update_network_segment_range": ADMIN,
        "update_network_segment_range:tags": ADMIN,
        "delete_network_segment_range": ADMIN,
        "delete_network_segment_range:tags": ADMIN,
        # Segment
        "create_segment": ADMIN,
        "create_segments_tags": ADMIN,
        "get_segment": ADMIN,
        "get_segments_tags": ADMIN,
        "update_segment": ADMIN,
        "update_segments_tags": ADMIN,
        "delete_segment": ADMIN,
        "delete_segments_tags": ADMIN,
        # Subnet
        "create_subnet": "(rule:admin_only) or (role:member and rule:network_owner)",
        "create_subnet:segment_id": ADMIN,
        "create_subnet:service_types": ADMIN,
        "create_subnet:tags": MEMBER_OR_NETWORK_MEMBER,
        "get_subnet": (
            "role:reader and project_id:%(project_id)s or rule:shared or rule:external_network or "
            "(rule:admin_only) or (role:reader and rule:network_owner) or rule:service_api"
        ),
        "get_subnet:segment_id": ADMIN,
        "get_subnet:tags": (
            "role:reader and project_id:%(project_id)s or rule:shared or rule:external_network or "
            "(rule:admin_only) or (role:reader and rule:network_owner)"
        ),
        "update_subnet": MEMBER_OR_NETWORK_MEMBER,
        "update_subnet:segment_id": ADMIN,
        "update_subnet:service_types": ADMIN,
        "update_subnet:leak_routes": ADMIN,
        "update_subnet:tags": MEMBER_OR_NETWORK_MEMBER,
        "delete_subnet": MEMBER_OR_NETWORK_MEMBER,
        "delete_subnet:tags": MEMBER_OR_NETWORK_MEMBER,
    }),
    *policies(ANY_SCOPE, {
        "external_network": "field:subnets:router:external=True",
        # Subnetpool
        "shared_subnetpools": "field:subnetpools:shared=True",
    }),
    *policies(PROJECT, {
        "create_subnetpool": MEMBER,
        "create_subnetpool:shared": ADMIN,
        "create_subnetpool:is_default": ADMIN,
        "create_subnetpool:tags": MEMBER,
        "get_subnetpool": SUBNETPOOL_READER,
        "get_subnetpool:tags": SUBNETPOOL_READER,
        "update_subnetpool": MEMBER,
        "update_subnetpool:is_default": ADMIN,
        "update_subnetpool:tags": MEMBER,
        "delete_subnetpool": MEMBER,
        "delete_subnetpool:tags": MEMBER,
        "onboard_network_subnets": MEMBER,
        "add_prefixes": MEMBER,
        "remove_prefixes": MEMBER,
        # Address group
        "create_address_group": MEMBER,
        "get_address_group": "(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_address_groups",
        "update_address_group": MEMBER,
        "delete_address_group": MEMBER,
        "add_addresses": MEMBER,
        "remove_addresses": MEMBER,
    }),
    *policies(ANY_SCOPE, {
        "shared_address_groups": "field:address_groups:shared=True",
        # Address scope
        "shared_address_scopes": "field:address_scopes:shared=True",
    }),
    *policies(PROJECT, {
        "create_address_scope": MEMBER,
        "create_address_scope:shared": ADMIN,
        "get_address_scope": "rule:admin_only or role:reader and project_id:%(project_id)s or rule:shared_address_scopes",
        "update_address_scope": MEMBER,
        "update_address_scope:shared": ADMIN,
        "delete_address_scope": MEMBER,
        # Auto allocated topology
        "get_auto_allocated_topology": READER,
        "delete_auto_allocated_topology": MEMBER,
    }),
)
