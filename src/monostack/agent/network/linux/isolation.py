"""Address scopes in a router: what is in different ones is not routed between them, and what is in the same one is not translated.

A floating IP, and the gateway's address, lead from one scope into another.
"""

from collections.abc import Iterator

from monostack.agent.network.linux.nftables import Chain, Table
from monostack.agent.network.linux.settings import TABLE, inside
from monostack.protocol.network import RouterGateway, RouterItem

_HOOK = "type filter hook forward priority filter; policy accept;"


def apart(router: RouterItem, version: str) -> dict[str, Chain]:
    """The chain that keeps the scopes apart; none where there are no two."""
    rules = tuple(_rules(router, version))
    return {"apart": Chain(rules, _HOOK)} if rules else {}


def _rules(router: RouterItem, version: str) -> Iterator[str]:
    ends = [(inside(end), end.scopes.get(version)) for end in router.interfaces]
    for name, scope in ends:
        others = ", ".join(f'"{other}"' for other, theirs in ends if theirs != scope)
        if others:
            yield f'iifname "{name}" oifname {{ {others} }} ct status & dnat == 0 drop'
        for gateway in router.gateways:
            if gateway.scopes.get(version) != scope:
                yield from _from_outside(router, gateway, name, version)


def _from_outside(router: RouterItem, gateway: RouterGateway, name: str, version: str) -> Iterator[str]:
    """Between a gateway and an interface of another scope only what is translated passes."""
    yield f'iifname "{inside(gateway)}" oifname "{name}" ct status & (snat | dnat) == 0 drop'
    if version == "6" or not gateway.snat:
        floating = ", ".join(item.fixed_ip for item in router.floating_ips if router.bears(gateway, item))
        but = f" ip saddr != {{ {floating} }}" if version == "4" and floating else ""
        yield f'iifname "{name}" oifname "{inside(gateway)}" ct status & dnat == 0{but} drop'


def untranslated(router: RouterItem, gateway: RouterGateway) -> list[str]:
    """Statements for what leaves by a gateway with its own address: it is in the scope of what is there."""
    scope = gateway.scopes.get("4")
    inner = [f'"{inside(end)}"' for end in router.interfaces if scope is not None and end.scopes.get("4") == scope]
    return [f'iifname {{ {", ".join(inner)} }} oifname "{inside(gateway)}" accept'] if inner else []


def table(router: RouterItem) -> Table:
    """The ruleset of IPv6; that of IPv4 is among the translation's."""
    return Table("ip6", TABLE, {}, apart(router, "6"))
