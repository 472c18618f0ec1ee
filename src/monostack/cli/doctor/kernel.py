"""What the kernel must be able to do for networks, tried out in a network namespace that is thrown away."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from pyroute2.netlink.exceptions import NetlinkError

from monostack.agent.network.linux import namespaces, nftables
from monostack.agent.network.linux.links import LinkError, Links
from monostack.cli.doctor.finding import Finding, fail, ok

KERNEL = "use a kernel with it, such as Debian's own; `modprobe {}` tells whether the module is there"
BRIDGE_FILTER = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")

# Feature: what is tried, and the module that brings it. The rules are of the kinds the agent makes.
RULES = {
    "connection tracking": ("nf_conntrack", (
        "add table inet t",
        "add map inet t z { typeof iifname : ct zone; }",
        "add chain inet t c { type filter hook prerouting priority raw; }",
        "add rule inet t c ct zone set iifname map @z",
        "add rule inet t c ct state established meta mark set 1",
    )),
    "address translation": ("nft_masq", (
        "add table ip n",
        "add chain ip n c { type nat hook postrouting priority srcnat; }",
        'add rule ip n c oifname "a" masquerade',
    )),
    "bridge filtering": ("nf_tables", (
        "add table bridge b",
        "add map bridge b m { type ifname : verdict; }",
        "add chain bridge b c { type filter hook forward priority 100; }",
        "add rule bridge b c iifname vmap @m",
    )),
}  # fmt: skip


def features() -> Iterator[Finding]:
    """Tries each; what the kernel lacks is named."""
    if os.geteuid() != 0:
        yield fail("kernel", "not tried without root", "run `sudo monostack doctor`")
        return
    found: list[Finding] = []
    trial = threading.Thread(target=lambda: found.extend(_trials()), name="trial")
    trial.start()  # a network namespace belongs to a thread
    trial.join()
    yield from found
    yield _tap()


def _trials() -> Iterator[Finding]:
    try:
        namespaces.unshare()
    except OSError as error:
        yield fail("network namespaces", str(error), "use a kernel with CONFIG_NET_NS; a container needs the privilege CAP_SYS_ADMIN")
        return
    yield ok("network namespaces", "can be made")
    with Links() as links:
        yield _try("bridges", "bridge", lambda: links.add("trial0", "bridge"))
        yield _try("virtual cables", "veth", lambda: links.add("trial1", "veth", peer={"ifname": "trial2"}))
    for feature, (module, rules) in RULES.items():
        yield _try(feature, module, lambda rules=rules: nftables.run("\n".join(rules)))
    yield _bridge_filter()


def _try(feature: str, module: str, trial: Callable[[], object]) -> Finding:
    try:
        trial()
    except (LinkError, NetlinkError, nftables.NftablesError) as error:
        return fail(feature, str(error), KERNEL.format(module))
    return ok(feature, "works")


def _bridge_filter() -> Finding:
    """Security groups see the connections of bridged packets by br_netfilter."""
    if BRIDGE_FILTER.exists():
        return ok("bridged connections", "br_netfilter is there")
    return fail("bridged connections", f"there is no {BRIDGE_FILTER}", "run `modprobe br_netfilter`")


def _tap() -> Finding:
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        return fail("tap interfaces", f"/dev/net/tun: {error.strerror}", KERNEL.format("tun"))
    return ok("tap interfaces", "/dev/net/tun opens")
