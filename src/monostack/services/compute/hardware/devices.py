"""The devices of a server's guest, by its flavor and its image."""

from monostack.protocol.guests import GuestDevices
from monostack.services.compute.hardware import layout
from monostack.services.compute.hardware.asked import Asked, Contradiction, Malformed
from monostack.services.compute.parameters import is_true

WATCHDOG_ACTIONS = ("none", "pause", "poweroff", "reset", "disabled")
MAX_SERIAL_PORTS = 4  # of a PC
# Of all that Nova knows, those which QEMU has for PCs.
_VIDEO_MODELS = ("cirrus", "qxl", "vga", "vmvga", "virtio", "none", "bochs")
_FORMER_SCSI_MODELS = {"lsilogicsas": "lsisas1068", "paravirtual": "vmpvscsi"}
_SCSI_MODELS = ("lsilogic", "lsisas1068", "lsisas1078", "virtio-scsi")
_CDROM_BUSES = ("ide", "sata", "scsi", "usb")
_LIMITS = tuple(f"{way}_{what}_sec" for way in ("read", "write", "total") for what in ("bytes", "iops"))


def devices_of(asked: Asked) -> GuestDevices:
    """Raises Contradiction for what no host has."""
    specs, properties = asked.extra_specs, asked.properties
    ports = serial_ports(asked)
    if ports > MAX_SERIAL_PORTS:
        raise Contradiction(f"Maximum number of serial port exceeds {MAX_SERIAL_PORTS} for qemu")
    processors = layout.best(asked)
    input_bus = properties.get("hw_input_bus")
    return GuestDevices(
        sockets=processors.sockets, cores=processors.cores, threads=processors.threads, serial_ports=ports, watchdog=_watchdog(asked),
        rng=is_true(specs.get("hw_rng:allowed", "true")), rng_bytes=asked.number("hw_rng:rate_bytes"),
        rng_period=asked.number("hw_rng:rate_period"), video=_one_of("video model", properties.get("hw_video_model"), _VIDEO_MODELS),
        video_ram_mib=_video_ram(asked), cdrom_bus=_one_of("CD-ROM bus", properties.get("hw_cdrom_bus"), _CDROM_BUSES),
        scsi=_one_of("SCSI model", scsi_model(properties.get("hw_scsi_model", "")) or None, _SCSI_MODELS),
        pointer_bus=input_bus or ("usb" if properties.get("hw_pointer_model") else None), keyboard_bus=input_bus,
        boot_menu=is_true(properties.get("hw_boot_menu", specs.get("hw:boot_menu"))),
        hides_hypervisor=any(is_true(said) for said in (
            specs.get("hide_hypervisor_id"), specs.get("hw:hide_hypervisor_id"), properties.get("img_hide_hypervisor_id"))),
        disk_limits={name: limit for name in _LIMITS if (limit := asked.number(f"quota:disk_{name}"))},
    )  # fmt: skip


def serial_ports(asked: Asked) -> int:
    """How many. Raises Contradiction for an image that wants more than the flavor allows."""
    try:
        by_flavor, by_image = asked.numbers("serial_port_count")
    except Malformed:
        said, _ = asked.both("serial_port_count")
        raise Contradiction(f"Number of serial ports specified in flavor is invalid: expected an integer, got '{said}'") from None
    if by_flavor and by_image > by_flavor:
        raise Contradiction("Forbidden to exceed flavor value of number of serial ports passed in image meta.")
    return by_image or by_flavor or 1


def scsi_model(said: str) -> str:
    """By its present name."""
    return _FORMER_SCSI_MODELS.get(said.lower(), said.lower())


def _watchdog(asked: Asked) -> str | None:
    by_flavor, by_image = asked.both("watchdog_action")
    action = by_image or by_flavor or "disabled"
    return None if action == "disabled" else _one_of("watchdog action", action, WATCHDOG_ACTIONS)


def _video_ram(asked: Asked) -> int:
    """MiB. Only where the flavor allows some an image may ask for it."""
    _, wanted = asked.numbers("video_ram")
    most = asked.number("hw_video:ram_max_mb")
    if wanted > most:
        raise Contradiction(f"The requested amount of video memory {wanted} is higher than the maximum allowed by flavor {most}.")
    return wanted


def _one_of(what: str, value: str | None, known: tuple[str, ...]) -> str | None:
    if value is not None and value not in known:
        raise Contradiction(f"Provided {what} ({value}) is not supported.")
    return value
