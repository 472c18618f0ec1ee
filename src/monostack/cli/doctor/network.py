"""What the agent's network driver needs, in the driver's own words."""

from collections.abc import Iterator

from monostack.agent.network.linux import requirements
from monostack.cli.doctor.finding import Finding, Level

_OPTIONAL = ("forwarding",)  # a firewall of the host's may be meant to be there


def features() -> Iterator[Finding]:
    """Each requirement was tried where nothing of the machine is touched."""
    for one in requirements.check():
        level = Level.OK if one.ok else Level.WARN if one.name in _OPTIONAL else Level.FAIL
        yield Finding(level, one.name, one.explanation, "" if one.ok else one.remedy)
