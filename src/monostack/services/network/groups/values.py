"""What the attributes of security groups and rules may hold."""

from typing import Any

import sqlalchemy as sa
from netaddr import AddrFormatError, IPNetwork

from monostack.core.errors import Fault
from monostack.http.answers import INTEGER, TEXT, maybe
from monostack.resources import Kind
from monostack.services.network.values.plain import check_text, check_uuid, nullable
from monostack.services.network.words import conflict, refused

PROTOCOLS = {
    "ah": 51, "dccp": 33, "egp": 8, "esp": 50, "gre": 47, "hopopt": 0, "icmp": 1, "igmp": 2, "ip": 0, "ipip": 4, "ipv6-encap": 41,
    "ipv6-frag": 44, "ipv6-icmp": 58, "icmpv6": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "ipv6-route": 43, "ospf": 89, "pgm": 113,
    "rsvp": 46, "sctp": 132, "tcp": 6, "udp": 17, "udplite": 136, "vrrp": 112,
}  # fmt: skip
"""Source: the IANA registry of assigned internet protocol numbers, by the names Neutron knows."""

NAMES = {str(number): name for name, number in PROTOCOLS.items() if name != "icmpv6"}
ANY = (None, "any")
ETHERTYPES = ("IPv4", "IPv6")
PARENT = "PARENT"  # as remote group of a default rule: the one that the rule will be of


def _protocol(value: Any) -> str | None:
    if value in ANY:
        return None
    text = str(value).lower() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if text in PROTOCOLS:
        return text
    if text.lstrip("-").isdigit() and 0 <= int(text) <= 255:
        return str(value)
    known = (*ANY, *PROTOCOLS)
    raise refused(
        f"Security group rule protocol {value} not supported. Only protocol values {known} and integer representations [0 to 255] "
        "are supported.",
        "SecurityGroupRuleInvalidProtocol",
    )


def _port(value: Any) -> int | None:
    if value is None:
        return None
    text = str(value).strip()
    if isinstance(value, bool) or not text.isdigit() or int(text) > 65535:
        raise bad_port(value)
    return int(text)


def bad_port(value: Any) -> Fault:
    return refused(f"Invalid value for port {value}", "SecurityGroupInvalidPortValue")


def _ethertype(value: Any) -> str:
    for known in ETHERTYPES:
        if isinstance(value, str) and value.lower() == known.lower():
            return known
    raise refused(
        f"Security group rule for ethertype '{value}' not supported. Allowed values are {list(ETHERTYPES)}.",
        "SecurityGroupRuleInvalidEtherType",
    )


def _prefix(value: Any) -> str | None:
    if not value:
        return None
    try:
        return str(IPNetwork(value))
    except (ValueError, TypeError, AddrFormatError):
        raise refused(f"Invalid CIDR {value} given as IP prefix.", "InvalidCIDR") from None


def _group_name(value: Any) -> str:
    check_text(value, 255)
    if value.lower() == "default":
        raise conflict("Default security group already exists.", "SecurityGroupDefaultAlreadyExists")
    return value


_INTEGER_OR_TEXT = {"type": ["integer", "string", "null"]}


def protocol() -> Kind:
    return Kind(sa.String(40), _INTEGER_OR_TEXT, accept=_protocol, answer=maybe(TEXT))


def port_number() -> Kind:
    return Kind(sa.Integer(), _INTEGER_OR_TEXT, int, accept=_port, answer=maybe(INTEGER))


def ethertype() -> Kind:
    return Kind(sa.String(8), {"enum": list(ETHERTYPES)}, _ethertype, accept=_ethertype)


def prefix() -> Kind:
    return Kind(sa.String(64), {"type": ["string", "null"]}, lambda value: _prefix(value) or "", accept=_prefix)


def group_name() -> Kind:
    return Kind(sa.String(255), {"type": "string", "maxLength": 255}, accept=_group_name)


def group_id() -> Kind:
    return Kind(sa.String(64), {"type": "string", "maxLength": 36}, accept=lambda value: check_text(value, 36))


def remote_group() -> Kind:
    """The id of a group, which need not look like one: Neutron answers that there is no such group."""
    return nullable(group_id())


def remote_group_or_parent() -> Kind:
    """In a rule that groups begin with: a group, or the one that begins."""
    return nullable(Kind(sa.String(64), {"type": "string"}, accept=lambda value: value if value == PARENT else check_uuid(value)))
