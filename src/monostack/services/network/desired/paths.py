"""Which next hop a router takes where a destination has several: the one with the fewest routers of its project on the way.

Routes are static, as Neutron has them: who writes two for one destination says that both lead there. A longer prefix wins over a shorter
one, which is the kernel's work.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence

import sqlalchemy as sa
from netaddr import IPNetwork

from monostack.db import Row, Transaction
from monostack.services.network.addresses.table import allocations
from monostack.services.network.lookup import among, read
from monostack.services.network.ports.table import PORTS
from monostack.services.network.routers.table import INTERFACE, ROUTERS
from monostack.services.network.subnets.table import SUBNETS

FAR = 1 << 16  # longer than any way: it leads in a circle, or nowhere

Route = dict[str, str]
_r, _p, _a, _s = ROUTERS.table.c, PORTS.table.c, allocations.c, SUBNETS.table.c
_INTERFACES = (
    sa.select(_r.id, _r.routes, _p.network_id, _a.ip_address, _s.cidr)
    .join(PORTS.table, _p.device_id == _r.id)
    .join(allocations, _a.port_id == _p.id)
    .join(SUBNETS.table, _s.id == _a.subnet_id)
    .where(among(_r.project_id), _p.device_owner == INTERFACE)
)
_PROJECTS = sa.select(_r.project_id).where(among(_r.id)).distinct()
_CHOOSING = sa.select(_r.id).where(among(_r.project_id), _r.has_choice.is_(sa.true()))


def has_choice(routes: Iterable[Route]) -> bool:
    """Does a destination have several next hops?"""
    return any(times > 1 for times in Counter(route["destination"] for route in routes).values())


def choosing_beside(tx: Transaction, router_ids: Collection[str]) -> set[str]:
    """Routers whose choice may be another now that these have changed."""
    projects = [row[0] for row in read(tx, _PROJECTS, router_ids)]
    return {row[0] for row in read(tx, _CHOOSING, projects)}


class Paths:
    """The routers of some projects, and the networks they share."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._owner: dict[tuple[str, str], str] = {}  # (network, address) -> router
        self._networks: dict[str, set[str]] = defaultdict(set)
        self._subnets: dict[str, list[IPNetwork]] = defaultdict(list)
        self._routes: dict[str, list[tuple[IPNetwork, str]]] = {}
        for row in rows:
            self._owner[row.network_id, row.ip_address] = row.id
            self._networks[row.id].add(row.network_id)
            self._subnets[row.id].append(IPNetwork(row.cidr))
            self._routes[row.id] = [(IPNetwork(route["destination"]), route["nexthop"]) for route in row.routes]

    @classmethod
    def of(cls, tx: Transaction, routers: Iterable[Row]) -> "Paths":
        """What is needed to choose for these routers; nothing is read for those that have no choice."""
        projects = {row.project_id for row in routers if row.has_choice}
        return cls(read(tx, _INTERFACES, projects) if projects else ())

    def choose(self, router: Row) -> Sequence[Route]:
        """The routes with one next hop for each destination."""
        if not router.has_choice:
            return router.routes
        best: dict[str, tuple[int, Route]] = {}
        for route in router.routes:
            length = self._length(router.id, route["nexthop"], IPNetwork(route["destination"]), {router.id})
            known = best.get(route["destination"])
            if known is None or length < known[0]:
                best[route["destination"]] = length, route
        return [route for _, route in best.values()]

    def _length(self, router: str, hop: str, destination: IPNetwork, passed: set[str]) -> int:
        """How many routers are on the way from a hop on."""
        following = next((self._owner[network, hop] for network in self._networks[router] if (network, hop) in self._owner), None)
        if following is None:
            return 1  # a server: what is behind it is its own business
        if following in passed:
            return FAR
        if any(destination in subnet for subnet in self._subnets[following]):
            return 1
        fitting = [(prefix.prefixlen, beyond) for prefix, beyond in self._routes[following] if destination in prefix]
        longest = max((length for length, _ in fitting), default=0)
        ways = [self._length(following, beyond, destination, passed | {following}) for length, beyond in fitting if length == longest]
        return 1 + min(ways, default=FAR)
