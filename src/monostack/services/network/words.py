"""Faults as Neutron words them. `kind` is what its answers call `type`: the name of the exception there."""

from monostack.core.errors import BadRequest, Conflict, Fault, Forbidden, NotFound
from monostack.resources import Resource

UNREADABLE = "Body contains invalid data"


def bad(message: str) -> Fault:
    """A request the API layer refuses."""
    return BadRequest(message, kind="HTTPBadRequest")


def invalid(message: str, kind: str = "InvalidInput") -> Fault:
    """A value the service refuses."""
    return BadRequest(f"Invalid input for operation: {message}.", kind=kind)


def bad_request(resource: str, message: str, kind: str = "BadRequest") -> Fault:
    return BadRequest(f"Bad {resource} request: {message}.", kind=kind)


def refused(message: str, kind: str) -> Fault:
    return BadRequest(message, kind=kind)


def conflict(message: str, kind: str) -> Fault:
    return Conflict(message, kind=kind)


def forbidden(rule: str) -> Fault:
    return Forbidden(f"{rule} is disallowed by policy", kind="PolicyNotAuthorized")


def no_resource() -> Fault:
    return NotFound("The resource could not be found.", kind="HTTPNotFound")


NOT_FOUND = {
    "network": ("NetworkNotFound", "Network {} could not be found."),
    "subnet": ("SubnetNotFound", "Subnet {} could not be found."),
    "subnetpool": ("SubnetPoolNotFound", "Subnet pool {} could not be found."),
    "port": ("PortNotFound", "Port {} could not be found."),
    "router": ("RouterNotFound", "Router {} could not be found"),
    "floatingip": ("FloatingIPNotFound", "Floating IP {} could not be found"),
    "security_group": ("SecurityGroupNotFound", "Security group {} does not exist"),
    "security_group_rule": ("SecurityGroupRuleNotFound", "Security group rule {} does not exist"),
    "default_security_group_rule": ("DefaultSecurityGroupRuleNotFound", "Default Security Group rule {} does not exist"),
    "security_group_default_statefulness": (
        "SecurityGroupDefaultStatefulnessNotFound",
        "Security group default statefulness {} could not be found.",
    ),
    "flavor": ("FlavorNotFound", "Flavor {} could not be found."),
    "service_profile": ("ServiceProfileNotFound", "Service Profile {} could not be found."),
    "metering_label": ("MeteringLabelNotFound", "Metering label '{}' does not exist."),
    "metering_label_rule": ("MeteringLabelRuleNotFound", "Metering label rule '{}' does not exist."),
    "network_segment_range": ("NetworkSegmentRangeNotFound", "Network Segment Range {} could not be found."),
    "segment": ("SegmentNotFound", "Segment {} could not be found."),
    "address_scope": ("AddressScopeNotFound", "Address scope {} could not be found."),
    "address_group": ("AddressGroupNotFound", "Address group {} could not be found."),
    "policy": ("QosPolicyNotFound", "QoS policy {} could not be found."),
    "ndp_proxy": ("NDPProxyNotFound", "Ndp proxy {} could not be found."),
    "local_ip": ("LocalIPNotFound", "Local IP {} could not be found."),
    "log": ("LogResourceNotFound", "Log resource {} could not be found."),
    "trunk": ("TrunkNotFound", "Trunk {} could not be found."),
    "rbac_policy": ("RbacPolicyNotFound", "RBAC policy of type unknown with ID {} not found"),
    "agent": ("AgentNotFound", "Agent {} could not be found."),
}


def not_found(singular: str, id: str) -> Fault:
    kind, text = NOT_FOUND.get(singular, ("HTTPNotFound", "The resource could not be found."))
    return NotFound(text.format(id), kind=kind)


def missing(resource: Resource, id: str) -> Fault:
    return not_found(resource.singular, id)


def address_in_use(network_id: str, ip_address: str) -> Fault:
    return conflict(f"Unable to complete operation for network {network_id}. The IP address {ip_address} is in use.", "IpAddressInUse")


def mac_in_use(network_id: str, mac: str) -> Fault:
    return conflict(f"Unable to complete operation for network {network_id}. The mac address {mac} is in use.", "MacAddressInUse")


def network_in_use(network_id: str, reason: str) -> Fault:
    return conflict(f"Unable to complete operation on network {network_id}. {reason}.", "NetworkInUse")


def subnet_in_use(subnet_id: str, reason: str = "One or more ports have an IP allocation from this subnet") -> Fault:
    return conflict(f"Unable to complete operation on subnet {subnet_id}: {reason}.", "SubnetInUse")


def over_quota(resources: list[str]) -> Fault:
    return conflict(f"Quota exceeded for resources: {resources}.", "OverQuota")
