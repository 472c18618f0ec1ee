"""Neutron's default policies: ports, their bindings and trunks (neutron 29.0.0)."""

from monostack.authz.defaults.network.rules import (
    ADMIN,
    ADMIN_OR_SERVICE,
    DEVICE_OWNER,
    MEMBER,
    MEMBER_OR_ADVANCED_SERVICE,
    MEMBER_OR_SERVICE,
    NETWORK_MEMBER_OR_SERVICE,
    READER,
    SERVICE,
    SERVICE_OR_MEMBER,
    SERVICE_OR_NETWORK_MEMBER,
    SERVICE_OR_SHARED_NETWORK_MEMBER,
)
from monostack.authz.policy import ANY_SCOPE, PROJECT, Policy, policies

POLICIES: tuple[Policy, ...] = (
    *policies(ANY_SCOPE, {
        # Port
        "network_device": "field:port:device_owner=~^network:",
        "compute_device": "field:port:device_owner=~^compute:",
        "baremetal_device": "field:port:device_owner=~^baremetal:",
        "manila_device": "field:port:device_owner=~^manila:",
        "admin_or_data_plane_int": "rule:context_is_admin or role:data_plane_integrator",
    }),
    *policies(PROJECT, {
        "create_port": SERVICE_OR_SHARED_NETWORK_MEMBER,
        "create_port:device_id": MEMBER_OR_SERVICE,
        "create_port:device_owner": DEVICE_OWNER,
        "create_port:mac_address": SERVICE_OR_NETWORK_MEMBER,
        "create_port:fixed_ips": SERVICE_OR_SHARED_NETWORK_MEMBER,
        "create_port:fixed_ips:ip_address": SERVICE_OR_NETWORK_MEMBER,
        "create_port:fixed_ips:subnet_id": SERVICE_OR_SHARED_NETWORK_MEMBER,
        "create_port:port_security_enabled": SERVICE_OR_NETWORK_MEMBER,
        "create_port:binding:host_id": ADMIN_OR_SERVICE,
        "create_port:binding:profile": SERVICE,
        "create_port:binding:vnic_type": MEMBER_OR_SERVICE,
        "create_port:allowed_address_pairs": NETWORK_MEMBER_OR_SERVICE,
        "create_port:allowed_address_pairs:mac_address": NETWORK_MEMBER_OR_SERVICE,
        "create_port:allowed_address_pairs:ip_address": NETWORK_MEMBER_OR_SERVICE,
        "create_port:hints": ADMIN,
        "create_port:trusted": ADMIN,
        "create_port:tags": MEMBER_OR_ADVANCED_SERVICE,
        "get_port": (
            "(rule:admin_only) or (rule:service_api) or role:reader and rule:network_owner or role:reader and "
            "project_id:%(project_id)s"
        ),
        "get_port:binding:vif_type": ADMIN_OR_SERVICE,
        "get_port:binding:vif_details": ADMIN_OR_SERVICE,
        "get_port:binding:host_id": ADMIN_OR_SERVICE,
        "get_port:binding:profile": ADMIN_OR_SERVICE,
        "get_port:resource_request": ADMIN,
        "get_port:hints": ADMIN,
        "get_port:trusted": ADMIN,
        "get_port:tags": (
            "rule:context_is_advsvc or (rule:admin_only) or (role:reader and rule:network_owner) or role:reader "
            "and project_id:%(project_id)s"
        ),
        "update_port": SERVICE_OR_MEMBER,
        "update_port:device_id": MEMBER_OR_SERVICE,
        "update_port:device_owner": DEVICE_OWNER,
        "update_port:mac_address": "(rule:admin_only) or (rule:service_api) or role:manager and rule:network_owner",
        "update_port:fixed_ips": SERVICE_OR_NETWORK_MEMBER,
        "update_port:fixed_ips:ip_address": SERVICE_OR_NETWORK_MEMBER,
        "update_port:fixed_ips:subnet_id": SERVICE_OR_SHARED_NETWORK_MEMBER,
        "update_port:port_security_enabled": SERVICE_OR_NETWORK_MEMBER,
        "update_port:binding:host_id": ADMIN_OR_SERVICE,
        "update_port:binding:profile": SERVICE,
        "update_port:binding:vnic_type": SERVICE_OR_MEMBER,
        "update_port:allowed_address_pairs": NETWORK_MEMBER_OR_SERVICE,
        "update_port:allowed_address_pairs:mac_address": NETWORK_MEMBER_OR_SERVICE,
        "update_port:allowed_address_pairs:ip_address": NETWORK_MEMBER_OR_SERVICE,
        "update_port:data_plane_status": "rule:admin_only or role:data_plane_integrator",
        "update_port:hints": ADMIN,
        "update_port:trusted": ADMIN,
        "update_port:tags": MEMBER_OR_ADVANCED_SERVICE,
        "delete_port": (
            "(rule:admin_only) or (rule:service_api) or (service_roles:service and (role:member and "
            "rule:network_owner or role:member and project_id:%(project_id)s)) or (not rule:compute_device and not "
            "rule:baremetal_device and not rule:manila_device and (role:member and rule:network_owner or "
            "role:member and project_id:%(project_id)s))"
        ),
        "delete_port:tags": (
            "rule:context_is_advsvc or role:member and project_id:%(project_id)s or (rule:admin_only) or "
            "(role:member and rule:network_owner)"
        ),
        # Port bindings
        "get_port_binding": ADMIN_OR_SERVICE,
        "create_port_binding": SERVICE,
        "delete_port_binding": SERVICE,
        "activate": SERVICE,
        # Pvlan
        "create_port:pvlan_type": MEMBER,
        "create_port:pvlan_community": MEMBER,
        "update_port:pvlan_type": MEMBER,
        "update_port:pvlan_community": MEMBER,
        "get_port:pvlan_type": READER,
        "get_port:pvlan_community": READER,
        "create_network:pvlan": MEMBER,
        "update_network:pvlan": MEMBER,
        "get_network:pvlan": READER,
        # Trunk
        "create_trunk": MEMBER,
        "create_trunk:tags": MEMBER,
        "get_trunk": READER,
        "get_trunk:tags": READER,
        "update_trunk": MEMBER,
        "update_trunk:tags": MEMBER,
        "delete_trunk": MEMBER,
        "delete_trunk:tags": MEMBER,
        "get_subports": READER,
        "add_subports": MEMBER,
        "remove_subports": MEMBER,
    }),
)
