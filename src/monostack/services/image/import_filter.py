"""Which URLs images may be fetched from, by Glance's import filter (`image.import_filter`).

What passes comes with the addresses to connect to, so that a name cannot mean another host between the check and the connection.
"""

import asyncio
import socket
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from monostack.core.config.options import ImportFilter

Address = IPv4Address | IPv6Address
_PORTS = {"http": 80, "https": 443}


class Refused(Exception):
    """The URL does not pass."""


@dataclass(frozen=True, slots=True)
class Source:
    """A URL that passed. It has one address at least."""

    url: str
    host: str
    port: int | None  # the one it names
    addresses: tuple[str, ...]


async def passing(settings: ImportFilter, url: Any) -> Source:
    """The URL with the addresses it may be fetched from; names are looked up. Raises Refused."""
    scheme, host, port = _parts(url)
    _check("scheme", scheme, settings.allowed_schemes, ())
    _check("host", host, settings.allowed_hosts, settings.disallowed_hosts)
    if port is not None:
        _check("port", port, settings.allowed_ports, settings.disallowed_ports)
    found = await _addresses(host, port or _PORTS[scheme])
    if host not in settings.allowed_hosts:
        refused = () if settings.allowed_hosts else settings.disallowed_hosts
        found = [address for address in found if _is_elsewhere(address) and str(address) not in refused]
    if not found:
        raise Refused(f"no address of {host} is allowed")
    return Source(url, host, port, tuple(str(address) for address in found))


async def passes_filter(settings: ImportFilter, url: Any) -> bool:
    try:
        await passing(settings, url)
    except Refused:
        return False
    return True


def _parts(url: Any) -> tuple[str, str, int | None]:
    """Scheme, normalised host and port of a URL."""
    if not isinstance(url, str) or any(character.isspace() or not character.isprintable() for character in url):
        raise Refused("it is no URL")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Refused("it is no URL") from None
    if parts.scheme not in _PORTS or not host:
        raise Refused("it has no host, or a scheme that cannot be fetched")
    if parts.username is not None:
        raise Refused("it has a password, which everybody who sees the task would see")
    try:
        return parts.scheme, str(ip_address(host)), port
    except ValueError:
        if all(character.isdigit() or character == "." for character in host):  # 127.1 and 2130706433 mean addresses to some resolvers
            raise Refused("its host is no complete address") from None
        return parts.scheme, host, port


def _check(what: str, value: Any, allowed: Collection[Any], disallowed: Collection[Any]) -> None:
    if value not in allowed if allowed else value in disallowed:
        raise Refused(f"the {what} {value} is not allowed")


async def _addresses(host: str, port: int) -> list[Address]:
    try:
        return [ip_address(host)]
    except ValueError:
        pass
    name = host.rstrip(".") + "."  # absolute, so that 0x7f000001 is asked of the DNS rather than read as a number
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Refused(f"{host} has no address") from None
    return list(dict.fromkeys(ip_address(str(answer[4][0]).partition("%")[0]) for answer in found))


def _is_elsewhere(address: Address) -> bool:
    """Neither this machine nor what only neighbours on a link reach."""
    plain = (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
    return not (plain.is_loopback or plain.is_link_local or plain.is_unspecified or plain.is_multicast)
