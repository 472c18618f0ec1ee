"""Packet logs in the kernel: a port whose packets are written down has chains of its own that tell the agent what became of a packet.

What its groups let pass is the first packet of a connection: the others are known by their mark. What is dropped is so for lack of a rule,
as part of no known connection, or because it claims an address that is not the port's. All ports of the host share one limit, so that
nobody floods the log; what is beyond it passes or is dropped all the same.
"""

from collections.abc import Mapping

from monostack.agent.config import PacketLog
from monostack.agent.network.linux import rules
from monostack.agent.network.linux.chains import ACCEPT, DROP, EGRESS, INGRESS, group_chain, logged_chain, logged_groups
from monostack.agent.network.linux.nftables import Chain, Elements
from monostack.agent.network.linux.state import Desired
from monostack.protocol.network import PortItem

GROUP = 0x4D53  # of the kernel's log
HEADERS = 128  # octets of a packet that are told
LIMIT = "packet_logs"


def prefix(action: str, port_id: str) -> str:
    """What the kernel says beside a packet."""
    return f"{action} {port_id}"


def limit(settings: PacketLog) -> dict[str, Elements]:
    return {LIMIT: Elements("limit", f"rate {settings.rate_limit}/second burst {settings.burst_limit} packets")}


def chains(port: PortItem, rules_of: Mapping[str, frozenset[rules.Rule]]) -> dict[str, Chain]:
    """The chains that a port's own go to, and copies of its groups' chains that do."""
    made: dict[str, Chain] = {}
    if any(log.dropped for log in port.logs):
        made[logged_chain(port, DROP)] = _telling(DROP, port.id, "drop")
    if any(log.accepted for log in port.logs):
        accepting = logged_chain(port, ACCEPT)
        made[accepting] = _telling(ACCEPT, port.id, "accept")
        for group in logged_groups(port):
            for direction in (INGRESS, EGRESS):
                told = rules.statements(rules_of.get(group, ()), ingress=direction == INGRESS, verdict=f"goto {accepting}")
                made[group_chain(port, group, direction)] = Chain(told)
    return made


def _telling(action: str, port_id: str, verdict: str) -> Chain:
    told = f'limit name "{LIMIT}" log prefix "{prefix(action, port_id)}" group {GROUP} snaplen {HEADERS}'
    return Chain((told, verdict))


def known(desired: Desired) -> dict[str, str]:
    """What is written about the packets that come with each prefix."""
    found: dict[str, str] = {}
    for port in desired.ports.values():
        for action in (ACCEPT, DROP) if port.tap else ():
            logs = [log for log in port.logs if (log.accepted if action == ACCEPT else log.dropped)]
            if logs:
                ids = [log.id for log in logs]
                about = f"action={action} project_id={logs[0].project_id} log_resource_ids={ids} vm_port={port.id}"
                found[prefix(action, port.id)] = about
    return found
