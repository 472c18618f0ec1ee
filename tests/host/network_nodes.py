"""Guests and other machines as network namespaces: they call, listen, send frames, ask DHCP, speak HTTP."""

import os
import secrets
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from frames import checksum
from pyroute2 import IPRoute

from monostack.agent.network.linux import namespaces

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
