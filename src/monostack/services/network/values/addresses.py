"""Addresses, prefixes, pools and routes."""

import re
from ipaddress import ip_interface
from typing import Any

import netaddr
import sqlalchemy as sa
from netaddr import AddrFormatError, IPAddress, IPNetwork

from monostack.db import Json
from monostack.http.answers import TEXT, Record, many
from monostack.resources import Kind
from monostack.services.network.words import invalid, refused

_SPACE = re.compile(r"\s")
_BAD_MACS = {netaddr.EUI("00:00:00:00:00:00"), netaddr.EUI("FF:FF:FF:FF:FF:FF")}
_PARSE_ERRORS = (AddrFormatError, ValueError, TypeError, AttributeError)


def canonical_ip(value: Any) -> Any:
    """IPv6 in its shortest form; anything else as it is."""
    try:
        address = IPAddress(value)
    except _PARSE_ERRORS:
        return value
    return str(address) if address.version == 6 else value


def canonical_mac(value: str) -> str:
    """xx:xx:xx:xx:xx:xx, lower case."""
    try:
        return str(netaddr.EUI(value, dialect=netaddr.mac_unix_expanded))
    except AddrFormatError:
        return value


def check_ip(value: Any) -> str:
    refusal = ValueError(f"'{value}' is not a valid IP address")
    if not isinstance(value, str) or _SPACE.search(value) or (":" not in value and value.count(".") != 3):
        raise refusal
    try:
        address = IPAddress(value, flags=netaddr.ZEROFILL) if ":" not in value else IPAddress(value)
    except _PARSE_ERRORS:
        raise refusal from None
    if address.version == 4 and str(address) != value:
        raise ValueError(f"'{value}' is not an accepted IP address, '{address}' is recommended")
    return value


def check_mac(value: Any) -> str:
    refusal = ValueError(f"'{value}' is not a valid MAC address")
    if not isinstance(value, str) or _SPACE.search(value) or not netaddr.valid_mac(value):
        raise refusal
    if netaddr.EUI(value) in _BAD_MACS:
        raise refusal
    return canonical_mac(value)


def check_subnet(value: Any) -> str:
    refusal = ValueError(f"'{value}' is not a valid IP subnet")
    if not isinstance(value, str) or _SPACE.search(value) or "/" not in value:
        raise refusal
    try:
        network = IPNetwork(value)
    except _PARSE_ERRORS:
        raise refusal from None
    if network.version == 4 and str(network) != value:
        raise refusal
    return value


def _check_route_cidr(value: Any) -> None:
    refusal = ValueError(f"'{value}' is not a valid CIDR")
    if not isinstance(value, str) or _SPACE.search(value) or "/" not in value:
        raise refusal
    try:
        network = IPNetwork(value)
    except _PARSE_ERRORS:
        raise refusal from None
    if network.network != network.ip:
        raise refusal
    if network.is_loopback():
        raise ValueError(f"'{value}' is not a routable CIDR")


def check_keys(value: Any, keys: tuple[str, ...]) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"Invalid input. '{value}' must be a dictionary with keys: {list(keys)}")
    if set(value) != set(keys):
        raise ValueError(f"Validation of dictionary's keys failed. Expected keys: {set(keys)} Provided keys: {set(value)}")


def _cidr(value: Any) -> str | None:
    """A prefix in canonical form; IPv4 keeps its host bits, which the subnet drops."""
    try:
        network = IPNetwork(value)
    except _PARSE_ERRORS:
        raise invalid(f"{value} is not in a CIDR format") from None
    return check_subnet(f"{canonical_ip(str(network.ip))}/{network.prefixlen}")


def _pools(value: Any) -> list[dict[str, str]]:
    if value is None:
        return []
    try:
        pools = [{key: canonical_ip(address) for key, address in pool.items()} for pool in value]
    except (AttributeError, TypeError):
        raise invalid("Invalid data format for allocation pools") from None
    for pool in pools:
        check_keys(pool, ("start", "end"))
        for key in ("start", "end"):
            check_ip(pool[key])
    return pools


def _nameservers(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list | str):
        raise ValueError(f"Invalid data format for nameserver: '{value}'")
    seen: list[str] = []
    for host in value:
        try:
            check_ip(host)
        except ValueError as reason:
            raise ValueError(f"'{host}' is not a valid nameserver. {reason}") from None
        if host in seen:
            raise ValueError(f"Duplicate nameserver '{host}'")
        seen.append(host)
    return seen


def check_hostroutes(value: Any) -> list[dict[str, str]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"Invalid data format for hostroute: '{value}'")
    routes: list[dict[str, str]] = []
    for route in value:
        check_keys(route, ("destination", "nexthop"))
        _check_route_cidr(route["destination"])
        check_ip(route["nexthop"])
        if route in routes:
            raise ValueError(f"Duplicate hostroute '{route}'")
        routes.append(route)
    return routes


# --- kinds -------------------------------------------------------------------------------------------------------------


def ip() -> Kind:
    return Kind(sa.String(64), {"type": "string"}, accept=lambda value: check_ip(canonical_ip(value)))


def mac() -> Kind:
    """Null asks for a new one."""
    schema = {"type": ["string", "null"]}
    return Kind(sa.String(32), schema, canonical_mac, accept=lambda value: None if value is None else check_mac(value), answer=TEXT)


def cidr() -> Kind:
    return Kind(sa.String(64), {"type": "string"}, accept=check_subnet)


def loose_prefix(name: str) -> Kind:
    """An address or a prefix, or null; its fault names the attribute."""

    def accept(value: Any) -> str | None:
        if not value:
            return None
        try:
            ip_interface(value)
        except ValueError as error:
            raise refused(f"{name}: {value} is invalid [{error}].", "Invalid") from None
        return str(value)

    return Kind(sa.String(64), {"type": ["string", "null"]}, accept=accept)


def subnet_cidr() -> Kind:
    return Kind(sa.String(64), {"type": "string"}, lambda value: _cidr(value) or "", accept=_cidr)


_POOL_SHOWN = Record("AllocationPool", {"start": TEXT, "end": TEXT})
HOST_ROUTE = Record("HostRoute", {"destination": TEXT, "nexthop": TEXT})
_POOL = {"type": "object", "properties": {"start": {"type": "string"}, "end": {"type": "string"}}}
_ROUTE = {"type": "object", "properties": {"destination": {"type": "string"}, "nexthop": {"type": "string"}}}


def ip_pools() -> Kind:
    return Kind(Json(), {"type": "array", "items": _POOL}, accept=_pools, answer=many(_POOL_SHOWN))


def nameservers() -> Kind:
    return Kind(Json(), {"type": "array", "items": {"type": "string"}}, accept=_nameservers)


def hostroutes() -> Kind:
    return Kind(Json(), {"type": "array", "items": _ROUTE}, accept=check_hostroutes, answer=many(HOST_ROUTE))
