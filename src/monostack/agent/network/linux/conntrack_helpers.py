"""Conntrack helpers of a router: which connections the kernel reads along, to let in (and translate) what they announce."""

from monostack.agent.network.linux.nftables import Chain, Elements, Table
from monostack.agent.network.linux.settings import TABLE
from monostack.protocol.network import RouterItem

# What the kernel calls them, where it has another name.
_H323 = {"udp": "RAS", "tcp": "Q.931"}


def table(router: RouterItem) -> Table:
    """A table of its own: what a kernel without such a helper refuses is this, and not the router's translation."""
    objects: dict[str, Elements] = {}
    rules = []
    for item in router.helpers:
        kernel = _H323[item.protocol] if item.helper == "h323" else item.helper
        name = f"{item.helper}_{item.protocol}".replace("-", "_")
        objects[name] = Elements("ct helper", f'type "{kernel}" protocol {item.protocol};')
        rules.append(f'{item.protocol} dport {item.port} ct helper set "{name}"')
    # After the connection is known, and before its first packet is let through.
    chain = Chain(tuple(sorted(set(rules))), "type filter hook prerouting priority filter; policy accept;")
    return Table("inet", TABLE, objects, {"helping": chain} if rules else {})
