"""What an agent is told when it starts."""

from typing import Literal

import msgspec

from monostack.protocol import NetworkCapacity

VNC_PORTS = (5900, 6899)


class ExternalNetwork(msgspec.Struct):
    """A physical network this host reaches: flat provider networks name it."""

    bridge: str  # made when it does not exist
    address: str | None = None  # "172.24.4.1/24": given to the bridge, so that the host itself can reach floating IPs
    masquerade: bool = False  # what leaves the bridge for elsewhere takes the host's address


class PacketLog(msgspec.Struct):
    """What is written down of packets that security groups let pass or drop, where somebody asks for it."""

    file: str | None = None  # None: one of our own
    rate_limit: int = 100  # packets a second, of all ports of the host
    burst_limit: int = 25  # packets at once
    max_bytes: int = 16 << 20  # a file of so many octets makes room for a new one, and is kept with the end `.1`


class AgentConfig(msgspec.Struct, kw_only=True):
    """Settings of one agent. Paths are absolute."""

    host: str  # the host's name, which its certificate carries too
    controller_url: str  # wss://controller:port
    state_dir: str  # everything the agent keeps; a guest's disks are below it, so its QEMU must be able to enter it
    tls_dir: str  # agent.pem and ca.crt, as enrolment leaves them
    runtime_dir: str = "/run/monostack"  # what need not outlive the machine's restart; any user may enter it
    image_dir: str | None = None  # the controller's image store when this host shares its disk: bits are linked, not copied
    api_ca_file: str | None = None  # verifies the server that images are downloaded from; None: the system's authorities
    libvirt_uri: str | None = None  # None: the system's libvirtd when one answers, else one of our own
    accelerator: Literal["auto", "kvm", "tcg"] = "auto"
    qemu_user: str = "libvirt-qemu"  # guests run as this user, which is made when it is missing
    vnc_listen: str = "127.0.0.1"
    vnc_ports: tuple[int, int] = VNC_PORTS  # first and last, of a libvirtd of our own
    external_networks: dict[str, ExternalNetwork] = {}
    dns_servers: list[str] = []  # where guests' DHCP servers forward names to; none: they know only their own network
    volume_backend: str = "file"  # as volume types ask for it with `volume_backend_name`
    volume_pools: dict[str, str] = {}  # directories that keep volumes beside the state directory, by the name of the pool
    image_cache_hours: float = 24.0  # how long the bits of an image that no guest uses are kept
    packet_log: PacketLog = msgspec.field(default_factory=PacketLog)
    network_capacity: NetworkCapacity | None = None  # what it can guarantee to ports
    reserved_memory_mib: int = 512  # kept for the host itself
