"""A host of its own in a network namespace, guests that are namespaces plugged in where a tap would be, and items to apply."""

import asyncio
import os
import secrets
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from frames import checksum
from pyroute2 import IPRoute

from monostack.agent.config import ExternalNetwork
from monostack.agent.network.linux import LinuxNetwork, Settings, namespaces, nftables
from monostack.protocol import Report
from monostack.protocol.network import Apply, tap_name

T = TypeVar("T")
PATIENCE = 20.0  # seconds that something may take on a busy machine before it counts as not happening
ABSENCE = 1.0  # seconds after which something that takes a millisecond counts as not happening
SCRIPT = Path(__file__).parent / "dhcp_lease.sh"


def in_namespace(name: str, work: Callable[[], T]) -> T:
    """Run something in a namespace ("": where we are), in a thread that ends with it."""

    def body() -> T:
        if name:
            namespaces.enter_for_good(name)
        return work()

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(body).result()


class Node:
    """A namespace with one interface `eth0`: a guest, or a machine on the external network."""

    def __init__(self, name: str, mac: str) -> None:
        self.name, self.mac = name, mac
        in_namespace("", lambda: namespaces.ensure(name))

    def run(self, work: Callable[[], T]) -> T:
        return in_namespace(self.name, work)

    def netlink(self, work: Callable[[IPRoute, int], T]) -> T:
        def body() -> T:
            with IPRoute() as netlink:
                return work(netlink, netlink.link_lookup(ifname="eth0")[0])

        return self.run(body)

    def plug(self, host: str, outside: str, bridge: str | None = None) -> None:
        """Lay the cable: `outside` is its end on the host."""
        inside = os.open(namespaces.DIRECTORY / self.name, os.O_RDONLY)
        # Where both ends happen to have the same index, the kernel takes a second to see that the cable carries.
        peer = {"ifname": "eth0", "address": self.mac, "net_ns_fd": inside, "index": 100_000, "mtu": 1450}

        def body() -> None:
            with IPRoute() as netlink:
                netlink.link("add", ifname=outside, kind="veth", peer=peer)
                if bridge:
                    index = netlink.link_lookup(ifname=outside)[0]
                    netlink.link("set", index=index, master=netlink.link_lookup(ifname=bridge)[0], state="up")

        try:
            in_namespace(host, body)
        finally:
            os.close(inside)
        self.run(lambda: Path("/proc/sys/net/ipv6/conf/eth0/accept_dad").write_text("0"))
        self.netlink(lambda netlink, index: netlink.link("set", index=index, state="up"))

    def address(self, address: str, gateway: str | None = None) -> None:
        """Add "10.0.0.5/24", and a default route."""
        ip, _, length = address.partition("/")

        def body(netlink: IPRoute, index: int) -> None:
            flags = {"flags": 2} if ":" in ip else {}
            netlink.addr("add", index=index, address=ip, prefixlen=int(length), **flags)
            if gateway:
                self._default(netlink, gateway)

        self.netlink(body)

    @staticmethod
    def _default(netlink: IPRoute, gateway: str) -> None:
        netlink.route("replace", dst="::/0" if ":" in gateway else "0.0.0.0/0", gateway=gateway, family=10 if ":" in gateway else 2)

    def route(self, destination: str, gateway: str) -> None:
        self.netlink(lambda netlink, _: netlink.route("replace", dst=destination, gateway=gateway))

    def neighbour(self, address: str, mac: str) -> None:
        """Know a neighbour's MAC without asking."""
        self.netlink(lambda netlink, index: netlink.neigh("replace", dst=address, lladdr=mac, ifindex=index, state=0x80))

    def open(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, protocol: int = 0) -> socket.socket:
        return self.run(lambda: socket.socket(family, kind, protocol))

    def listen(self, port: int, address: str = "0.0.0.0", kind: int = socket.SOCK_STREAM) -> socket.socket:
        listening = self.open(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        if kind == socket.SOCK_STREAM:
            listening.listen(16)
        return listening

    def connect(self, address: str, port: int, timeout: float = PATIENCE) -> socket.socket:
        """A TCP connection. Raises OSError (TimeoutError: nothing came back)."""
        caller = self.open(socket.AF_INET6 if ":" in address else socket.AF_INET)
        caller.settimeout(timeout)
        try:
            caller.connect((address, port))
        except OSError:
            caller.close()
            raise
        return caller

    def reaches(self, address: str, port: int) -> bool:
        """Whether TCP gets through, however long it takes on a busy machine."""
        try:
            self.connect(address, port).close()
        except TimeoutError:
            return False
        return True

    def is_kept_from(self, address: str, port: int) -> bool:
        """Whether TCP gets no answer at all."""
        try:
            self.connect(address, port, ABSENCE).close()
        except TimeoutError:
            return True
        return False

    def pings_in_vain(self, address: str) -> bool:
        """Whether no echo is answered."""
        return not self.pings(address, ABSENCE)

    def pings(self, address: str, timeout: float = PATIENCE, source: str | None = None, kind: int | None = None) -> bool:
        """Whether an echo is answered within the time, asked again until then."""
        six = ":" in address
        number = kind if kind is not None else (128 if six else 8)
        wire = self.open(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP)
        with wire:
            if source:
                wire.bind((source, 0))
            mine = secrets.token_bytes(2)
            body = bytes([number, 0]) + b"\0\0" + mine + b"\0\1" + b"\0" * 16
            if not six:
                body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
            until = time.monotonic() + timeout
            while time.monotonic() < until:
                try:
                    wire.sendto(body, (address, 0))
                except OSError:  # no route, or the neighbour did not answer: so far
                    time.sleep(0.1)
                    continue
                wire.settimeout(0.25)
                try:
                    while True:
                        data, _ = wire.recvfrom(2048)
                        reply = data if six else data[(data[0] & 15) * 4 :]
                        if reply[0] == (129 if six else 0) and reply[4:6] == mine:
                            return True
                except TimeoutError:
                    continue
        return False

    def inject(self, frame: bytes) -> None:
        """Send a frame as it is."""
        with self.open(socket.AF_PACKET, socket.SOCK_RAW) as wire:
            wire.bind(("eth0", 0))
            wire.send(frame)

    def sniffer(self, protocol: int = 0x0003) -> socket.socket:
        """A socket that hears every frame arriving at eth0 from now on."""
        wire = self.open(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
        wire.bind(("eth0", protocol))
        return wire

    def dhcp(self, *options: str) -> dict[str, str]:
        """Ask DHCP once, with busybox's client; what it was told, as its script sees it. Raises TimeoutError without an answer."""
        ask = [
            "busybox",
            "udhcpc",
            "-f",
            "-q",
            "-n",
            "-t",
            "3",
            "-T",
            "2",
            "-O",
            "staticroutes",
            "-O",
            "mtu",
            "-O",
            "domain",
            "-i",
            "eth0",
            "-s",
            str(SCRIPT),
            *options,
        ]
        done = self.run(lambda: subprocess.run(ask, capture_output=True, timeout=60, check=False))
        if done.returncode != 0:
            raise TimeoutError(done.stderr.decode())
        return dict(line.split("=", 1) for line in done.stdout.decode().splitlines() if "=" in line)

    def http(self, path: str, address: str = "169.254.169.254", method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
        with self.connect(address, 80) as caller:
            request = f"{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
            caller.sendall(request.encode() + body)
            answer = b""
            while chunk := caller.recv(65536):
                answer += chunk
        head, _, content = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), content

    def remove(self) -> None:
        in_namespace("", lambda: namespaces.remove(self.name))


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
