"""What the driver changed that is not its own, kept in a file, so that whoever ends it can put it back."""

import json
from pathlib import Path

from monostack.agent.network.linux import sysctl
from monostack.agent.network.linux.links import Links


class Restore:
    """Kernel settings and bridges of others, as they were found. Runs in the host's namespace."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: dict[str, dict[str, str]] = {"sysctl": {}, "bridge": {}}
        if path.exists():
            self._found |= json.loads(path.read_text())

    def sysctl(self, name: str, value: int) -> None:
        """Set a kernel setting of the whole host."""
        before = sysctl.read(name)
        if before != str(value):
            self._remember("sysctl", name, before or "0")
            sysctl.write(name, value)

    def filter_bridge(self, links: Links, name: str) -> None:
        """Let netfilter see the packets of a bridge that is not ours."""
        bridge = links.get(name)
        if not bridge.filtered:
            self._remember("bridge", name, "unfiltered")
            links.set(bridge, filtered=True)

    def _remember(self, kind: str, name: str, value: str) -> None:
        # Written before the change: better to restore what was never changed than the other way round.
        if self._found[kind].setdefault(name, value) == value:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps(self._found))

    def undo(self, links: Links) -> None:
        """Put everything back as it was found."""
        for name, value in self._found["sysctl"].items():
            if sysctl.read(name) is not None:
                sysctl.write(name, int(value))
        for name in self._found["bridge"]:
            bridge = links.find(name)
            if bridge is not None:
                links.set(bridge, filtered=False)
        self._found = {"sysctl": {}, "bridge": {}}
        self._path.unlink(missing_ok=True)
