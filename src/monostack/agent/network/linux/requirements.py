"""Whether this machine can run the native network: each thing it takes, tried where nothing of the machine is touched."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyroute2.netlink.exceptions import NetlinkError

from monostack.agent.config import PacketLog
from monostack.agent.network.linux import (
    conntrack,
    conntrack_helpers,
    dnsmasq,
    local_ips,
    namespaces,
    nat,
    nftables,
    ruleset,
    shaping,
)
from monostack.agent.network.linux.links import Links
from monostack.agent.network.linux.settings import TABLE
from monostack.agent.network.linux.state import Desired
from monostack.protocol.network import (
    CONNTRACK_HELPERS,
    ConntrackHelperItem,
    FixedIP,
    FloatingIPItem,
    GroupItem,
    LocalIPItem,
    MembersItem,
    PacketLogItem,
    PortForwardingItem,
    PortItem,
    RouterGateway,
    RouterItem,
    RuleItem,
)

DISPENSABLE = ("VLAN tags", "conntrack helpers", "traffic shaping", "dnsmasq", "forwarding")  # without them, what needs them does not work
_OLDEST_DNSMASQ: tuple[int, ...] = (2, 81)  # the first that heeds tags of static hosts


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing, whether it is there, what that means, and what to do where it is not ("" where nothing is to be done)."""

    name: str
    ok: bool
    explanation: str
    remedy: str = ""


def check() -> list[Requirement]:
    """Look at everything. Needs root to say more than that it is needed; takes some hundredths of a second."""
    if os.geteuid() != 0:
        why = f"user {os.geteuid()} may not make interfaces and network namespaces"
        return [Requirement("root", False, why, "run the agent as root")]
    try:
        tried = _aside(lambda: [_try(*one) for one in _TRIALS])
    except OSError as error:
        remedy = "use a kernel with CONFIG_NET_NS, and do not confine the agent's system calls"
        return [Requirement("network namespaces", False, str(error), remedy)]
    return [Requirement("network namespaces", True, "a namespace can be made"), *tried, _forwarding()]


def missing() -> list[Requirement]:
    """What is lacking without which nothing works at all."""
    return [one for one in check() if not one.ok and one.name not in DISPENSABLE]


def _aside(work: Callable[[], list[Requirement]]) -> list[Requirement]:
    """Run in a network namespace that ends with the thread it is made for."""

    def body() -> list[Requirement]:
        namespaces.unshare()
        return work()

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(body).result()


def _try(name: str, trial: Callable[[], str], remedy: str) -> Requirement:
    try:
        return Requirement(name, True, trial())
    except (RuntimeError, OSError, NetlinkError, subprocess.SubprocessError) as error:
        return Requirement(name, False, str(error), remedy)


def _bridge() -> str:
    with Links() as links:
        links.add("bridge0", "bridge", br_nf_call_iptables=1, br_nf_call_ip6tables=1)
        if not links.get("bridge0").filtered:
            raise RuntimeError("bridges can be made, but netfilter does not see their packets")
    return "bridges can be made, and netfilter sees their packets"


def _cables() -> str:
    with Links() as links:
        links.add("cable0", "veth", peer={"ifname": "cable1"})
        links.add("tap0", "tuntap", mode="tap")
    return "taps and pairs of virtual interfaces can be made"


def _tags() -> str:
    with Links() as links:
        links.add("trunk0", "veth", peer={"ifname": "trunk1"})
        links.add("trunk0.5", "vlan", link=links.get("trunk0").index, vlan_id=5)
    return "guests can tag the frames of a trunk's subports"


def _filters() -> str:
    desired = _sample()
    rules = {group: frozenset(ruleset.rules.parse(item) for item in known.rules) for group, known in desired.groups.items()}
    tables = [
        ruleset.tracking({"net": "br0"}, {"br0": 1}, {"br1": "192.0.2.0/24"}),
        ruleset.filtering(desired, rules, {}, PacketLog()),
        local_ips.table(desired),
    ]
    nftables.run("\n".join(nftables.replace(table) for table in tables))
    return "security groups can be enforced"


def _translation() -> str:
    gateway = RouterGateway("p", "n", "02:00:00:00:00:01", ["192.0.2.2/24"], ["192.0.2.1"], snat=True)
    doors = [PortForwardingItem("w", "192.0.2.4", protocol, (80, 81), "10.0.0.4", (8080, 8081)) for protocol in nat.PROTOCOLS]
    router = RouterItem("r", True, [], gateway, [], [FloatingIPItem("f", "192.0.2.3", "10.0.0.3")], doors)
    nftables.run(nftables.replace(nat.table(router)))
    return "addresses can be translated"


def _helpers() -> str:
    lacking = []
    for name, protocols in CONNTRACK_HELPERS.items():
        # Neutron offers amanda for TCP, which the kernel knows for UDP only.
        known = [ConntrackHelperItem(name, "udp" if name == "amanda" else protocol, 7000) for protocol in protocols]
        try:
            nftables.run(nftables.replace(conntrack_helpers.table(RouterItem("r", True, [], None, [], [], [], known))))
        except nftables.NftablesError:
            lacking.append(name)
    if lacking:
        raise RuntimeError(f"no conntrack helper for {', '.join(lacking)}: routers that are to use one report it")
    return "routers follow protocols that open further connections"


def _connections() -> str:
    conntrack.entries()
    return "connections under way can be looked at and cut"


def _sample() -> Desired:
    """One of everything that a filter may have to say."""
    ports = [RuleItem("a", "ingress", "IPv4", "tcp", 22, 23, "10.0.0.0/8"), RuleItem("b", "egress", "IPv6", "icmp", 128, 0)]
    group = GroupItem("0" * 12, [*ports, RuleItem("c", "ingress", "IPv6", "132", 1, 2, None, "0" * 12)])
    pairs = [{"ip_address": "10.1.0.0/16", "mac_address": "02:00:00:00:00:02"}, {"ip_address": "2001:db8::/64"}]
    port = PortItem(
        "1" * 12, "2" * 12, "02:00:00:00:00:01", [FixedIP("s", "10.0.0.1")], "mst0", True, True, [group.id], pairs, None, "",
        local_ips=[LocalIPItem("10.0.0.9", "10.0.0.1")], logs=[PacketLogItem("l", "", accepted=True, dropped=True)],
    )  # fmt: skip
    return Desired(
        ports={port.id: port}, groups={group.id: group}, members={group.id: MembersItem(group.id, ["10.0.0.0/24", "2001:db8::1"])}
    )


def _dnsmasq() -> str:
    told = subprocess.run([dnsmasq.program(), "--version"], capture_output=True, timeout=10, check=True).stdout.decode(errors="replace")
    found = re.search(r"version (\d+)\.(\d+)", told)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    if version < _OLDEST_DNSMASQ:
        raise RuntimeError(f"dnsmasq is of version {version[0]}.{version[1]}")
    return f"dnsmasq {version[0]}.{version[1]} serves DHCP"


_TRIALS: list[tuple[str, Callable[[], str], str]] = [
    ("bridges", _bridge, "use a kernel with CONFIG_BRIDGE and CONFIG_BRIDGE_NETFILTER (modprobe br_netfilter)"),
    ("virtual interfaces", _cables, "use a kernel with CONFIG_VETH and CONFIG_TUN, and let /dev/net/tun be there"),
    ("VLAN tags", _tags, "use a kernel with CONFIG_VLAN_8021Q (modprobe 8021q), or do without trunks: their subports stay in ERROR"),
    (
        "nftables",
        _filters,
        "install libnftables1, and use a kernel with CONFIG_NF_TABLES_INET, CONFIG_NF_TABLES_BRIDGE, CONFIG_NFT_CT, CONFIG_NFT_MASQ, "
        "CONFIG_NFT_LIMIT and CONFIG_NFT_LOG",
    ),
    ("address translation", _translation, "use a kernel with CONFIG_NFT_NAT"),
    ("connection tracking", _connections, "use a kernel with CONFIG_NF_CT_NETLINK, CONFIG_NF_CONNTRACK_ZONES and CONFIG_NF_CONNTRACK_MARK"),
    ("conntrack helpers", _helpers, "use a kernel with CONFIG_NF_CONNTRACK_FTP, _TFTP, _SIP and the like"),
    (
        "traffic shaping",
        shaping.try_out,
        "for QoS policies that limit ports, use a kernel with CONFIG_NET_SCH_TBF, CONFIG_NET_SCH_INGRESS, CONFIG_NET_CLS_U32, "
        "CONFIG_NET_ACT_MIRRED and CONFIG_IFB",
    ),
    ("dnsmasq", _dnsmasq, "install the package dnsmasq-base, of version 2.81 or later"),
]


def _forwarding() -> Requirement:
    """Guests' packets pass the host's own forward chains too: one that drops what it does not know cuts them off."""
    try:
        listing = json.loads(nftables.run("list chains", json=True) or "{}").get("nftables", [])
    except nftables.NftablesError as error:
        return Requirement("forwarding", False, str(error), "see nftables")
    chains = [item["chain"] for item in listing if "chain" in item]
    closed = [
        f"{chain['family']} {chain['table']} {chain['name']}"
        for chain in chains
        if chain.get("hook") == "forward" and chain.get("policy") == "drop" and chain["table"] != TABLE and chain["family"] != "bridge"
    ]
    if closed:
        remedy = 'let it accept what comes from and goes to our bridges (interfaces "msb*" and those of external networks)'
        return Requirement("forwarding", False, f"the chain {', '.join(closed)} drops what it does not know, guests' packets too", remedy)
    return Requirement("forwarding", True, "no other firewall on this host stops guests' packets")
