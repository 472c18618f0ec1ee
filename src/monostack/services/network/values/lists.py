"""Lists of things a port, subnet or pool carries."""

from typing import Any

import msgspec
import netaddr
from netaddr import AddrFormatError, IPAddress, IPNetwork

from monostack.db import Json
from monostack.http.answers import ID, TEXT, Record, choice, many, maybe
from monostack.resources import Kind
from monostack.services.network.values.addresses import canonical_ip, canonical_mac, check_ip, check_mac, check_subnet
from monostack.services.network.values.plain import check_choice, check_oneline, check_text, check_uuid, to_int
from monostack.services.network.words import bad, invalid, refused

MAX_PAIRS = 10  # Neutron's default of max_allowed_address_pair
MAX_HINTS = 255  # bytes of JSON
BLANK_OPTIONS = ("router", "classless-static-route")
DEVICE_OWNERS = ("network:", "neutron:", *"compute:")  # Neutron takes the letters of "compute:" one by one
MULTICAST = {4: IPNetwork("224.0.0.0/4"), 6: IPNetwork("ff00::/8")}
EVERYTHING = IPNetwork("0.0.0.0/0")


def check_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"'{value}' is not a list")
    repeated = [item for index, item in enumerate(value) if item in value[:index]]
    if repeated:
        raise ValueError("Duplicate items in the list: '{}'".format(", ".join(map(str, repeated))))
    return value


def check_fixed_ips(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list):
        raise ValueError(f"Invalid data format for fixed IP: '{value}'")
    seen: list[str] = []
    kept = []
    for entry in value:
        if not isinstance(entry, dict):
            raise ValueError(f"Invalid data format for fixed IP: '{entry}'")
        if "ip_address" in entry:
            if entry["ip_address"] in seen:
                raise ValueError(f"Duplicate IP address '{entry['ip_address']}'")
            seen.append(check_ip(entry["ip_address"]))
            entry = {**entry, "ip_address": canonical_ip(entry["ip_address"])}
        if "subnet_id" in entry:
            check_uuid(entry["subnet_id"])
        kept.append(entry)
    return kept


def _check_not_multicast(value: str) -> None:
    if "/" not in value:
        if IPAddress(value).is_multicast():
            raise ValueError(f"IP {value} is a multicast address, which is not supported.")
        return
    network = IPNetwork(value)
    if network == EVERYTHING:
        return
    multicast = MULTICAST[network.version]
    prefix = min(network.prefixlen, multicast.prefixlen)
    if IPNetwork(f"{network.ip}/{prefix}").cidr == IPNetwork(f"{multicast.ip}/{prefix}").cidr:
        raise ValueError(f"Subnet {network} overlaps with multicast range {multicast}, which is not supported.")


def _check_pair(pair: Any, seen: set[tuple[str | None, str]]) -> dict[str, str]:
    if not isinstance(pair, dict):
        raise ValueError(f"'{pair}' is not a dictionary")
    try:
        if "mac_address" in pair:
            check_mac(pair["mac_address"])
        if "ip_address" not in pair:
            raise refused("AllowedAddressPair must contain ip_address", "AllowedAddressPairsMissingIP")
        mac, address = pair.get("mac_address"), pair["ip_address"]
        if (mac, address) in seen:
            text = f"Request contains duplicate address pair: mac_address {mac} ip_address {address}."
            raise refused(text, "DuplicateAddressPairInRequest")
        seen.add((mac, address))
        unknown = set(pair) - {"mac_address", "ip_address"}
        if unknown:
            raise bad("Unrecognized attribute(s) '{}'".format(", ".join(sorted(unknown))))
        (check_subnet if isinstance(address, str) and "/" in address else check_ip)(address)
        _check_not_multicast(address)
        if mac is not None and netaddr.EUI(mac, version=48).words[0] & 1:
            raise ValueError(f"MAC address {mac} is a multicast address, which is not supported.")
    except ValueError as reason:
        raise bad(str(reason)) from None
    return {"ip_address": address} if mac is None else {"ip_address": address, "mac_address": canonical_mac(mac)}


def _pairs(value: Any) -> list[dict[str, str]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise bad("Allowed address pairs must be a list.")
    if len(value) > MAX_PAIRS:
        text = f"The number of allowed address pair exceeds the maximum {MAX_PAIRS}."
        raise refused(text, "AllowedAddressPairExhausted")
    seen: set[tuple[str | None, str]] = set()
    return [_check_pair(pair, seen) for pair in value]


def _check_option(option: Any) -> None:
    if not isinstance(option, dict):
        raise ValueError(f"'{option}' is not a dictionary")
    if not {"opt_name", "opt_value"} <= set(option) or set(option) - {"opt_name", "opt_value", "ip_version"}:
        raise ValueError("unexpected keys")
    if "ip_version" in option:
        option["ip_version"] = check_choice(to_int(option["ip_version"]), (4, 6))
    value = option["opt_value"]
    if option["opt_name"] in BLANK_OPTIONS:
        if value is not None:
            check_text(value, 255)
        return
    check_oneline(option["opt_name"], 64)
    if value is not None:
        check_oneline(value, 255)


def _options(value: Any) -> list[dict[str, Any]]:
    if value is None:
        return []
    try:
        check_list(value)
    except ValueError as reason:
        raise invalid(str(reason)) from None
    for option in value:
        try:
            _check_option(option)
        except ValueError:
            raise invalid(f"No valid key specs matched for: {option}") from None
    return value


def check_tags(value: Any) -> list[str]:
    check_list(value)
    return [check_text(tag, 255) for tag in value]


def _hints(value: Any) -> list[str]:
    check_list(value)
    for zone in value:
        check_text(zone)
    if len(msgspec.json.encode(value)) > MAX_HINTS:
        raise invalid("Too many availability_zone_hints specified")
    return value


def _service_types(value: Any) -> list[str]:
    if not value:
        return []
    if not isinstance(value, list):
        raise bad("Subnet service types must be a list.")
    for one in value:
        if not isinstance(one, str):
            raise refused(f"Subnet service type {one} is not a string.", "InvalidInputSubnetServiceType")
        if not one.startswith(DEVICE_OWNERS):
            text = f"Subnet service type {one} does not correspond to a valid device owner."
            raise refused(text, "InvalidSubnetServiceType")
    return value


def _prefixes(value: Any) -> list[str]:
    check_list(value)
    return [check_subnet(prefix) for prefix in value]


def given_networks(body: Any, name: str) -> list[str]:
    """The prefixes under a name in the body of an action. Raises what Neutron answers to anything else."""
    given = body.get(name) if isinstance(body, dict) else None
    if not isinstance(given, list):
        raise bad("Request body contains invalid data")
    for prefix in given:
        try:
            IPNetwork(prefix)
        except (AddrFormatError, ValueError, TypeError):
            raise refused(f"invalid IPNetwork {prefix}", "AddrFormatError") from None
    return given


def _group_ids(value: Any) -> list[str]:
    return [check_uuid(one) for one in check_list([] if value is None else value)]


# --- kinds -------------------------------------------------------------------------------------------------------------

FIXED_IP = Record("FixedIp", {"subnet_id": ID, "ip_address": TEXT})
_PAIR = Record("AllowedAddressPair", {"ip_address": TEXT, "mac_address": TEXT})
_OPTION = Record("DhcpOption", {"opt_name": TEXT, "opt_value": maybe(TEXT), "ip_version": choice(4, 6)})
_OBJECTS = {"type": "array", "items": {"type": "object"}}
_TEXTS = {"type": "array", "items": {"type": "string"}}


def fixed_ips() -> Kind:
    return Kind(Json(), _OBJECTS, accept=check_fixed_ips, answer=many(FIXED_IP))


def address_pairs() -> Kind:
    return Kind(Json(), _OBJECTS, accept=_pairs, answer=many(_PAIR))


def dhcp_options() -> Kind:
    return Kind(Json(), _OBJECTS, accept=_options, answer=many(_OPTION))


def tags() -> Kind:
    return Kind(Json(), _TEXTS, accept=check_tags)


def hints() -> Kind:
    return Kind(Json(), _TEXTS, accept=_hints)


def service_types() -> Kind:
    return Kind(Json(), _TEXTS, accept=_service_types)


def prefixes() -> Kind:
    return Kind(Json(), _TEXTS, accept=_prefixes)


def group_ids() -> Kind:
    return Kind(Json(), _TEXTS, accept=_group_ids)


_WIRE = ("provider:network_type", "provider:physical_network", "provider:segmentation_id")


def _segments(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(segment, dict) for segment in value):
        raise bad("Body contains invalid data")
    found = []
    for segment in value:
        unknown = [name for name in segment if name not in _WIRE]
        if unknown:
            raise bad("Unrecognized attribute(s) '{}'".format(", ".join(unknown)))
        number = segment.get(_WIRE[2])
        found.append({_WIRE[0]: segment.get(_WIRE[0]), _WIRE[1]: segment.get(_WIRE[1]), _WIRE[2]: to_int(number) if number else None})
    return found


def segments() -> Kind:
    """The wires of a network."""
    wire = {_WIRE[0]: {"type": "string"}, _WIRE[1]: {"type": "string"}, _WIRE[2]: {"type": ["integer", "string"]}}
    return Kind(Json(), {"type": "array", "items": {"type": "object", "properties": wire}}, accept=_segments)
