"""Commands about guests (`guest.*`): a server as the host that runs it sees it.

| command              | args           | result                                    |
|----------------------|----------------|-------------------------------------------|
| guest.create         | GuestSpec      | {} once the domain runs                    |
| guest.start          | GuestSpec      | {} (defines it anew, so changes take effect) |
| guest.stop           | StopGuest      | {} once it is off: ACPI first, then pulled |
| guest.reboot         | RebootGuest    | {}                                        |
| guest.pause          | GuestRef       | {} its processors stand still, its memory stays |
| guest.unpause        | GuestRef       | {}                                        |
| guest.suspend        | GuestRef       | {} once its memory is on the disk and it is off |
| guest.resume         | GuestSpec      | {} once it goes on from there; one whose memory is lost boots |
| guest.rescue         | RescueGuest    | {} once it boots from the rescue image, its own disks beside it |
| guest.unrescue       | UnrescueGuest  | {} once the rescue disk is gone, and the guest boots from its own |
| guest.keep           | GuestRef       | {} once copies of a stopped guest's disks are put aside |
| guest.resize         | GuestSpec      | {} once its disks, which are kept, have the new sizes; it stays off |
| guest.restore        | GuestSpec      | {} once it is off and has the disks that were kept; also if none were |
| guest.forget_kept    | GuestRef       | {} once no disks are kept any more        |
| guest.hand_over      | GuestRef       | {} once a guest, as it runs, waits on the storage for another host |
| guest.take_over      | GuestSpec      | {} once a guest that was handed over runs here |
| guest.destroy        | GuestRef       | {} also when there is nothing; removes domain, overlay, config drive, console log |
| guest.attach_volume  | AttachVolume   | {} hot-plugged if running                  |
| guest.detach_volume  | DetachVolume   | {} once the guest let go                   |
| guest.attach_nic     | AttachNic      | {}                                        |
| guest.detach_nic     | DetachNic      | {}                                        |
| guest.snapshot       | SnapshotGuest  | {} once the host keeps the root disk, as it was at one moment, for `image.read` |
| guest.console_log    | ConsoleLog     | {"output": text}                          |
| guest.find_console   | FindConsole    | {"host", "port"}: where it is on this host, -1 while the guest is off |
| guest.open_console   | OpenConsole    | {} once the stream of that id is joined to it |
| guest.inject_nmi     | GuestRef       | {} once it got a non-maskable interrupt: its kernel may dump itself |
| guest.diagnostics    | GuestRef       | Diagnostics of a running guest            |
| guest.list           | {}             | {"guests": [GuestState]} all domains that are ours |

Report `guest.lifecycle` carries a GuestState: sent when a guest stops, starts or crashes without a command asking for it.
"""

from typing import Any

import msgspec


class ImageSource(msgspec.Struct):
    """An image's bits: read from `path` when the agent shares the image store's disk, else downloaded from `url` with `token`."""

    id: str
    disk_format: str  # raw or qcow2
    size: int  # bytes of the file
    sha512: str
    virtual_size: int | None = None  # bytes
    path: str | None = None
    url: str | None = None
    token: str | None = None


class RootDisk(msgspec.Struct):
    image: ImageSource
    size_gib: int  # 0: as large as the image


class VolumeKey(msgspec.Struct):
    """What opens an encrypted volume. Hosts get it with every command that needs it, and keep it nowhere."""

    id: str
    passphrase: str
    cipher: str  # aes-xts-plain64. This and the size count when a file is made: afterwards the file itself tells
    size: int  # bits

    def __repr__(self) -> str:
        return f"VolumeKey({self.id!r})"


class GuestTpm(msgspec.Struct):
    """An emulated TPM. What it holds is on the host's disk, encrypted: hosts get what opens it as they get the keys of volumes."""

    version: str  # 1.2 or 2.0
    model: str  # tpm-tis or tpm-crb
    id: str  # of the key
    passphrase: str

    def __repr__(self) -> str:
        return f"GuestTpm({self.version!r}, {self.model!r}, {self.id!r})"


class GuestDevices(msgspec.Struct):
    """What a guest's flavor and image say of its processors and devices. None: what hosts give all guests."""

    sockets: int = 0  # that many, each of `cores`, each of `threads`; 0: not said
    cores: int = 0
    threads: int = 0
    serial_ports: int = 1  # the first is the console
    watchdog: str | None = None  # what becomes of a guest that hangs: none, pause, poweroff, reset; None: there is no watchdog
    rng: bool = True
    rng_bytes: int = 0  # in each `rng_period` (milliseconds); one of them is 0: as many as the guest wants
    rng_period: int = 0
    video: str | None = None  # cirrus, qxl, vga, vmvga, virtio, bochs, none
    video_ram_mib: int = 0  # 0: as much as the model has
    scsi: str | None = None  # lsilogic, lsisas1068, lsisas1078, virtio-scsi
    cdrom_bus: str | None = None  # of the config drive: ide, sata, scsi, usb
    pointer_bus: str | None = None  # of a tablet: usb, virtio
    keyboard_bus: str | None = None
    boot_menu: bool = False
    hides_hypervisor: bool = False
    disk_limits: dict[str, int] = {}  # of each of its own disks: read_bytes_sec, write_iops_sec, total_...


class VolumeConnection(msgspec.Struct):
    """A volume as a host may open it. driver "file": `path` is a file below the agent's volume directory.

    A qcow2 file is for one guest at a time; a raw one several guests of the host may have open at once.
    """

    driver: str
    path: str
    format: str = "qcow2"  # or raw
    key: VolumeKey | None = None  # of an encrypted volume


class GuestVolume(msgspec.Struct):
    volume_id: str
    attachment_id: str
    device: str  # "vdb"
    connection: VolumeConnection
    boot_index: int | None = None  # 0: the guest boots from it
    read_only: bool = False
    bus: str = "virtio"


class GuestNic(msgspec.Struct):
    port_id: str
    mac: str
    tap: str  # interface name on the host, made by the network side
    mtu: int
    model: str = "virtio"


class InjectedFile(msgspec.Struct):
    """A file that a guest is to have, on its config drive."""

    path: str
    contents: str  # base64


class InstanceMetadata(msgspec.Struct):
    """What the guest may read about itself, over 169.254.169.254 and on the config drive, both from these same values."""

    meta_data: dict[str, Any]  # openstack/latest/meta_data.json
    network_data: dict[str, Any]  # openstack/latest/network_data.json
    ec2: dict[str, Any]  # latest/meta-data/ as a tree: dict, str, or list of lines
    user_data: str | None = None  # base64
    vendor_data: dict[str, Any] = {}
    files: list[InjectedFile] = []  # only the config drive has them
    password: str | None = None  # as the guest posted it, encrypted for its owner: report `metadata.password`


class GuestNode(msgspec.Struct):
    """A NUMA node of a guest, and the host's that it is kept to. A host that has only one has nothing to keep it to."""

    cpus: list[int]
    memory_mib: int
    host_node: int | None = None
    host_cpus: str = ""


class GuestSpec(msgspec.Struct):
    server_id: str
    name: str  # libvirt domain name: instance-00000001
    hostname: str
    vcpus: int
    memory_mib: int
    root: RootDisk | None  # None: the volume with boot_index 0 is the root
    volumes: list[GuestVolume]
    nics: list[GuestNic]
    config_drive: bool
    metadata: InstanceMetadata
    ephemeral_gib: list[int] = []
    swap_mib: int = 0
    properties: dict[str, str] = {}  # hw_* image properties and hw:* extra specs that the driver knows
    tpm: GuestTpm | None = None
    numa_nodes: list[GuestNode] = []
    devices: GuestDevices = msgspec.field(default_factory=GuestDevices)
    faults: dict[str, Any] = {}  # simulated hosts only: delays and failures asked for by server metadata


class GuestRef(msgspec.Struct):
    server_id: str


class StopGuest(msgspec.Struct):
    server_id: str
    timeout: float = 60.0  # seconds the guest has to shut down by itself


class RebootGuest(msgspec.Struct):
    spec: GuestSpec
    hard: bool
    timeout: float = 60.0


class RescueGuest(msgspec.Struct):
    """`stable`: all disks stay where they are, and the rescue disk is added behind them; else it comes first, with only the root disk."""

    spec: GuestSpec
    image: ImageSource
    stable: bool = False
    device: str = "disk"  # disk, cdrom
    bus: str | None = None  # None: the one the guest's own disks have
    timeout: float = 60.0  # seconds the guest has to shut down by itself


class UnrescueGuest(msgspec.Struct):
    spec: GuestSpec
    start: bool  # False: it is to be off


class AttachVolume(msgspec.Struct):
    server_id: str
    volume: GuestVolume


class DetachVolume(msgspec.Struct):
    server_id: str
    volume_id: str


class AttachNic(msgspec.Struct):
    server_id: str
    nic: GuestNic


class DetachNic(msgspec.Struct):
    server_id: str
    port_id: str


class SnapshotGuest(msgspec.Struct):
    server_id: str
    image_id: str  # under which the host keeps the bits: a qcow2 image of its own, without a backing file


class ConsoleLog(msgspec.Struct):
    server_id: str
    lines: int | None = None  # the last N lines; None: everything kept (at most 1 MiB)


class FindConsole(msgspec.Struct):
    server_id: str
    kind: str  # vnc, serial


class OpenConsole(msgspec.Struct):
    server_id: str
    kind: str
    stream: str  # id of the stream the agent dials: /stream/<id>


class CpuUse(msgspec.Struct):
    id: int
    time: int  # nanoseconds


class DiskUse(msgspec.Struct):
    device: str
    read_requests: int
    read_bytes: int
    write_requests: int
    write_bytes: int
    errors: int


class NicUse(msgspec.Struct):
    device: str
    mac: str
    rx_bytes: int
    rx_packets: int
    rx_errors: int
    rx_drop: int
    tx_bytes: int
    tx_packets: int
    tx_errors: int
    tx_drop: int


class Diagnostics(msgspec.Struct):
    """What a guest has used since it started. Memory in KiB; `memory` is what the hypervisor tells beside, by its names."""

    state: str  # as in GuestState
    hypervisor: str  # kvm, qemu
    cpus: list[CpuUse]
    disks: list[DiskUse]
    nics: list[NicUse]
    memory_maximum: int
    memory_used: int
    memory: dict[str, int]


class GuestState(msgspec.Struct):
    server_id: str
    state: str  # running, stopped, paused, crashed
    reason: str = ""  # shutdown (by the guest), destroyed (by a command), saved (suspended), crashed, host_restart, unknown
