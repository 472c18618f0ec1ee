"""What a rule may say, and when two rules say the same. Checks, their order and their texts are Neutron's."""

from collections.abc import Iterable, Mapping
from typing import Any

from netaddr import IPNetwork

from monostack.services.network.attributes import Values
from monostack.services.network.groups.values import NAMES, PROTOCOLS, bad_port
from monostack.services.network.words import conflict, refused

WITH_PORTS = {33, 132, 6, 17, 136}  # DCCP, SCTP, TCP, UDP, UDP Lite
ICMP, ICMPV6 = 1, 58
OLD_ICMPV6 = ("icmp", "icmpv6")
IPV6_ONLY = {name for name in PROTOCOLS if name.startswith("ipv6-") or name == "icmpv6"}
IPV6_ONLY |= {str(PROTOCOLS[name]) for name in IPV6_ONLY}
EVERYWHERE = ("0.0.0.0/0", "::/0")
KEY = (
    "direction", "ethertype", "port_range_max", "port_range_min", "protocol", "remote_group_id", "remote_address_group_id",
    "remote_ip_prefix", "security_group_id",
)  # fmt: skip


def check(rule: Values) -> None:
    """Bring a new rule into its canonical form and refuse what makes no sense."""
    if rule["ethertype"] == "IPv6" and rule.get("protocol") in OLD_ICMPV6:
        rule["protocol"] = "ipv6-icmp"
    elif rule["ethertype"] == "IPv6" and rule.get("protocol") == str(ICMP):
        rule["protocol"] = str(ICMPV6)
    if rule.get("port_range_min") == 1 and rule.get("port_range_max") == 65535:
        rule["port_range_min"] = rule["port_range_max"] = None
    _check_ports(rule)
    prefix = rule.get("remote_ip_prefix")
    if prefix and rule["ethertype"] != f"IPv{IPNetwork(prefix).version}":
        text = f"Conflicting value ethertype {rule['ethertype']} for CIDR {prefix}"
        raise refused(text, "SecurityGroupRuleParameterConflict")
    if rule.get("protocol") in IPV6_ONLY and rule["ethertype"] == "IPv4":
        text = f"Invalid ethertype {rule['ethertype']} for protocol {rule['protocol']}."
        raise refused(text, "SecurityGroupEthertypeConflictWithProtocol")
    if sum(1 for name in ("remote_ip_prefix", "remote_group_id", "remote_address_group_id") if rule.get(name)) > 1:
        text = "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided."
        raise refused(text, "SecurityGroupMultipleRemoteEntites")


def number(protocol: str) -> int:
    return PROTOCOLS[protocol] if protocol in PROTOCOLS else int(protocol)


def _check_ports(rule: Mapping[str, Any]) -> None:
    low, high = rule.get("port_range_min"), rule.get("port_range_max")
    if low is None and high is None:
        return
    if not rule.get("protocol"):
        raise refused("Must also specify protocol if port range is given.", "SecurityGroupProtocolRequiredWithPorts")
    protocol = number(rule["protocol"])
    if protocol in WITH_PORTS:
        if low == 0 or high == 0:
            raise bad_port(0)
        if low is None or high is None or low > high:
            text = "For TCP/UDP protocols, port_range_min must be <= port_range_max"
            raise refused(text, "SecurityGroupInvalidPortRange")
    elif protocol in (ICMP, ICMPV6):
        _check_icmp(low, high)
    else:
        text = f"Ports cannot be specified for protocol {protocol}. Ports are only supported for DCCP, SCTP, TCP, UDP, UDPLITE."
        raise refused(text, "SecurityGroupInvalidProtocolForPort")


def _check_icmp(kind: int | None, code: int | None) -> None:
    for value, attribute, name in ((kind, "port_range_min", "type"), (code, "port_range_max", "code")):
        if value is not None and value > 255:
            text = f"Invalid value for ICMP {name} ({attribute}) {value}. It must be 0 to 255."
            raise refused(text, "SecurityGroupInvalidIcmpValue")
    if kind is None:
        text = f"ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is missing."
        raise refused(text, "SecurityGroupMissingIcmpType")


def _canonical(rule: Mapping[str, Any], name: str) -> str:
    value = rule.get(name)
    if value is None or (name == "remote_ip_prefix" and value in EVERYWHERE):
        return "+"
    if name == "protocol":
        return NAMES.get(str(value), str(value))
    return str(value)


def key(rule: Mapping[Any, Any]) -> tuple[str, ...]:
    """Equal for rules that mean the same."""
    return tuple(_canonical(rule, name) for name in KEY)


def check_new(rules: Iterable[Mapping[Any, Any]], present: Iterable[Mapping[Any, Any]]) -> None:
    """Raises when one of the rules is given twice or is there already."""
    wanted: set[tuple[str, ...]] = set()
    for rule in rules:
        if key(rule) in wanted:
            raise conflict("Duplicate Security Group Rule in POST.", "DuplicateSecurityGroupRuleInPost")
        wanted.add(key(rule))
    for rule in present:
        if key(rule) in wanted:
            raise conflict(f"Security group rule already exists. Rule id is {rule['id']}.", "SecurityGroupRuleExists")
