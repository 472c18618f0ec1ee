"""Filters that read the scheduler hints of a request."""

import ipaddress
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from monostack.services.compute.hosts.known import Host
from monostack.services.compute.scheduler.attributes import attribute
from monostack.services.compute.scheduler.landscape import Landscape
from monostack.services.compute.scheduler.wish import Wish

MAX_DEPTH = 32  # of a query in a query


def apart(host: Host, wish: Wish, land: Landscape) -> str | None:
    return "a server to keep away from is on it" if host.name in wish.apart_from else None


def beside(host: Host, wish: Wish, land: Landscape) -> str | None:
    if wish.beside is not None and host.name not in wish.beside:
        return "the servers to share a host with are elsewhere"
    return None


def near_address(host: Host, wish: Wish, land: Landscape) -> str | None:
    """`build_near_host_ip` 192.0.2.1 and `cidr` /24: hosts whose address is in that network."""
    near = _first(wish.hints.get("build_near_host_ip"))
    if not near:
        return None
    length = _first(wish.hints.get("cidr")) or "/24"
    try:
        network = ipaddress.ip_network(f"{near}{length}", strict=False)
        inside = ipaddress.ip_address(host.host_ip) in network
    except ValueError:
        return f"{near}{length} is not a network"
    return None if inside else f"its address {host.host_ip} is not in {network}"


def _first(hint: Any) -> Any:
    return hint[0] if isinstance(hint, list) and hint else hint  # pyright: ignore[reportUnknownVariableType]


# --- the query -----------------------------------------------------------------------------------------------------------


class _Unreadable(Exception):
    """The query is not one."""


def _compare(op: Callable[[Any, Any], bool]) -> Callable[[Sequence[Any]], bool]:
    def compare(terms: Sequence[Any]) -> bool:
        """The first term with each of the others; alone it is false."""
        try:
            return len(terms) > 1 and all(op(terms[0], other) for other in terms[1:])
        except TypeError:
            raise _Unreadable(f"{terms[0]!r} cannot be compared with {terms[1:]!r}") from None

    return compare


_COMMANDS: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    "=": _compare(operator.eq),
    "<": _compare(operator.lt),
    ">": _compare(operator.gt),
    "<=": _compare(operator.le),
    ">=": _compare(operator.ge),
    "in": lambda terms: len(terms) > 1 and terms[0] in terms[1:],
    "not": lambda terms: any(not term for term in terms),
    "or": any,
    "and": all,
}


def query(host: Host, wish: Wish, land: Landscape) -> str | None:
    """`query` as JSON: ["and", [">=", "$free_ram_mb", 1024], ["=", "$hypervisor_type", "QEMU"]]."""
    text = _first(wish.hints.get("query"))
    if not text:
        return None
    try:
        result = _evaluate(msgspec.json.decode(text) if isinstance(text, str) else text, host, land, MAX_DEPTH)
    except (msgspec.DecodeError, _Unreadable) as error:
        return f"the query cannot be read: {error}"
    return None if result else f"the query {text} does not hold for it"


def _evaluate(wanted: Any, host: Host, land: Landscape, depth: int) -> Any:
    if not wanted:
        return True
    if depth == 0 or not isinstance(wanted, list) or not isinstance(wanted[0], str) or wanted[0] not in _COMMANDS:
        raise _Unreadable(f"it begins with none of {', '.join(_COMMANDS)}" if depth else "it is nested too deeply")
    terms = [_term(each, host, land, depth) for each in wanted[1:]]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return _COMMANDS[wanted[0]]([term for term in terms if term is not None])


def _term(term: Any, host: Host, land: Landscape, depth: int) -> Any:
    if isinstance(term, list):
        return _evaluate(term, host, land, depth - 1)
    if isinstance(term, str) and term.startswith("$"):
        return attribute(host, term[1:].split("."), land)
    return None if term == "" else term
