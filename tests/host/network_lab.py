"""A host of its own in a network namespace, with its driver, and items to apply to it."""

import asyncio
import secrets
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
from network_nodes import ABSENCE, PATIENCE, Node, in_namespace
from pyroute2 import IPRoute

from monostack.agent.config import ExternalNetwork
from monostack.agent.network.linux import LinuxNetwork, Settings, namespaces, nftables
from monostack.protocol import Report
from monostack.protocol.network import Apply, tap_name

__all__ = ["ABSENCE", "PATIENCE", "Lab", "Node", "in_namespace", "lab"]

T = TypeVar("T")


class Lab:
    """One host, its driver on a loop in a thread of its own, and everything on it."""

    def __init__(self, **settings: Any) -> None:
        self.tag = secrets.token_hex(3)
        self.host = f"mslab-{self.tag}"
        in_namespace("", lambda: namespaces.ensure(self.host))
        # dnsmasq gives up root: it must be able to enter.
        self.directory = Path(tempfile.mkdtemp(prefix="mslab-"))
        self.directory.chmod(0o755)
        self.external = ExternalNetwork(bridge="br-lab", address="172.24.4.1/24")
        made = {"external_networks": {"public": self.external}, **settings}
        self.settings = Settings(directory=self.directory / "network", namespace_prefix=self.host, host_namespace=self.host, **made)
        self.reports: list[Report] = []
        self.nodes: dict[str, Node] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.driver = self.wait(self._driver())

    async def _driver(self) -> LinuxNetwork:
        return LinuxNetwork(self.settings, self.reports.append)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def errors(self, items: Mapping[str, Any], *, full: bool = False) -> dict[str, str]:
        """Apply items; returns what could not be made. Plugged guests may talk when this returns."""
        errors = self.wait(self.driver.apply(Apply(items=dict(items), full=full))).errors
        waits_for(lambda: self.on_host(_carries), "all cables carry")
        return errors

    def apply(self, items: Mapping[str, Any], *, full: bool = False) -> None:
        """Apply items; nothing may fail."""
        assert self.errors(items, full=full) == {}

    def restart(self) -> None:
        """As if the agent ended and another one started."""
        self.wait(self.driver.close())
        self.driver = self.wait(self._driver())

    def guest(self, port: Mapping[str, Any]) -> "Node":
        """A guest on a port, plugged in where its tap would be. To be made before the port is applied."""
        return self.node(port["id"][:8], port["mac"], port["tap"])

    def node(self, name: str, mac: str, outside: str, bridge: str | None = None) -> "Node":
        node = Node(f"{self.host}-{name}", mac)
        self.nodes[name] = node
        node.plug(self.host, outside, bridge)
        return node

    def on_host(self, work: Callable[[], T]) -> T:
        return in_namespace(self.host, work)

    def machine(self, *addresses: str) -> "Node":
        """The host itself, to call and to be called, with addresses of its own."""
        node = object.__new__(Node)
        node.name, node.mac = self.host, ""

        def add() -> None:
            with IPRoute() as netlink:
                for address in addresses:
                    netlink.addr("add", index=1, address=address, prefixlen=32)

        node.run(add)
        return node

    def dump(self) -> str:
        """All of ours in the kernel, without what changes by itself: to be compared."""
        names = [self.host, *(name for name in namespaces.names() if self.settings.is_namespace(name))]
        return "\n".join(f"== {name}\n{in_namespace(name, _kernel)}" for name in names)

    def close(self) -> None:
        try:
            self.wait(self.driver.release())
            self.wait(self.driver.close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            for node in self.nodes.values():
                node.remove()
            in_namespace("", lambda: namespaces.remove(self.host))
            shutil.rmtree(self.directory, ignore_errors=True)


def _carries() -> bool:
    """Whether every cable of this host that is up on both ends has been noticed by its bridge."""
    with IPRoute() as netlink:
        links = netlink.link("dump")
    for link in links:
        info = link.get_attr("IFLA_LINKINFO")
        data = info.get_attr("IFLA_INFO_SLAVE_DATA") if info and info.get_attr("IFLA_INFO_SLAVE_KIND") == "bridge" else None
        if data and link["flags"] & 1 and link.get_attr("IFLA_CARRIER") and data.get_attr("IFLA_BRPORT_STATE") != 3:
            return False
    return True


def _kernel() -> str:
    """Interfaces, addresses, routes and rulesets of the namespace, with the identity of each interface."""
    lines = [nftables.run("list ruleset")]
    with IPRoute() as netlink:
        for link in netlink.link("dump"):
            state = "up" if link["flags"] & 1 else "down"
            known = [link.get_attr(f"IFLA_{name}") for name in ("IFNAME", "ADDRESS", "MTU", "MASTER", "IFALIAS")]
            lines.append(f"{link['index']} {state} {known}")
        lines += sorted(f"{item['index']} {item.get_attr('IFA_ADDRESS')}/{item['prefixlen']}" for item in netlink.addr("dump"))
        lines += sorted(
            f"{item.get_attr('RTA_DST')} {item.get_attr('RTA_GATEWAY')} {item.get_attr('RTA_OIF')}"
            for item in netlink.route("dump", family=2)
        )
    return "\n".join(lines)


def waits_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, f"{what}: not so after {PATIENCE:.0f} s"
        time.sleep(0.05)


def unused(prefix: str) -> str:
    """A new id whose beginning tells what it is of."""
    return prefix + str(uuid.uuid4())[len(prefix) :]


def network(cidr: str = "10.10.0.0/24", **changes: Any) -> dict[str, Any]:
    """A tenant network with one subnet: its router is .1, its DHCP server .2."""
    base = cidr.rpartition(".")[0]
    subnet = {
        "id": unused("5b"),
        "cidr": cidr,
        "ip_version": 4,
        "gateway_ip": f"{base}.1",
        "dhcp": True,
        "dns_nameservers": [],
        "host_routes": [],
        "dhcp_ip": f"{base}.2",
    }
    made = {"id": unused("ae"), "name": "net", "mtu": 1450, "kind": "tenant", "subnets": [subnet], "serves_dhcp": True}
    return {**made, "dhcp_port_id": unused("dc"), "dhcp_mac": "fa:16:3e:00:00:02", **changes}


def external(**changes: Any) -> dict[str, Any]:
    """The external network."""
    made = network("172.24.4.0/24", kind="flat", physical_network="public", serves_dhcp=False, mtu=1500)
    return {**made, **changes}


def port(net: dict[str, Any], address: str | None, **changes: Any) -> dict[str, Any]:
    identifier = unused("b0")
    fixed = [{"subnet_id": net["subnets"][0]["id"], "ip_address": address}] if address else []
    made = {
        "id": identifier,
        "network_id": net["id"],
        "mac": "fa:16:3e:" + ":".join(secrets.token_hex(3)[i : i + 2] for i in (0, 2, 4)),
        "fixed_ips": fixed,
        "tap": tap_name(identifier),
        "admin_up": True,
        "port_security": True,
        "groups": [],
        "allowed_pairs": [],
        "server_id": unused("5e"),
        "project_id": "0" * 32,
    }
    return {**made, **changes}


def rule(direction: str = "ingress", ethertype: str = "IPv4", **changes: Any) -> dict[str, Any]:
    return {"id": unused("c1"), "direction": direction, "ethertype": ethertype, **changes}


def group(*rules: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A group that lets everything out, and in what the rules say."""
    return {"id": unused("9a"), "rules": [rule("egress"), rule("egress", "IPv6"), *rules], **changes}


def router(*interfaces: tuple[dict[str, Any], str], gateway: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    ends = [
        {
            "port_id": unused("f0"),
            "network_id": net["id"],
            "mac": "fa:16:3e:" + ":".join([secrets.token_hex(1) for _ in range(3)]),
            "addresses": [address],
        }
        for net, address in interfaces
    ]
    return {"id": unused("e0"), "admin_up": True, "interfaces": ends, "gateway": gateway, "routes": [], "floating_ips": [], **changes}


def gateway(net: dict[str, Any], address: str, *, snat: bool = True) -> dict[str, Any]:
    return {
        "port_id": unused("f1"),
        "network_id": net["id"],
        "mac": "fa:16:3e:" + ":".join([secrets.token_hex(1) for _ in range(3)]),
        "addresses": [address],
        "gateway_ips": ["172.24.4.1"],
        "snat": snat,
    }


def items(**kinds: Any) -> dict[str, dict[str, Any]]:
    """`items(network=[...], port=[...])` as an application wants them."""
    return {f"{kind}/{item['id']}": item for kind, made in kinds.items() for item in made}


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A host of this test's own."""
    made = Lab()
    yield made
    made.close()
