"""Kernel settings below /proc/sys/net, of the namespace the calling thread is in."""

from collections.abc import Mapping
from pathlib import Path

ROOT = Path("/proc/sys/net")


def path(name: str) -> Path:
    """`ipv4/conf/br0/forwarding`: with slashes, since interface names may hold dots."""
    return ROOT / name


def read(name: str) -> str | None:
    """The value, or None when this kernel or namespace has no such setting."""
    try:
        return path(name).read_text().strip()
    except FileNotFoundError:
        return None


def write(name: str, value: int) -> None:
    """Set a value unless it is set already. Raises OSError when there is no such setting."""
    if read(name) != str(value):
        path(name).write_text(str(value))


def settle(wanted: Mapping[str, int]) -> None:
    """Set several values, without those this kernel does not have. What is "default" must be set before an interface is made."""
    for name, value in wanted.items():
        if read(name) is not None:
            write(name, value)


def silence_ipv6(interface: str) -> None:
    """Keep the host's own IPv6 off an interface: no link-local address, and no advertisement of a guest is believed."""
    name = f"ipv6/conf/{interface}/disable_ipv6"
    if read(name) is not None:
        write(name, 1)
