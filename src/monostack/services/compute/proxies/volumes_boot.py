"""/os-volumes_boot: servers under the name that clients once used to boot them from volumes, until 2.103."""

from collections.abc import Iterable
from dataclasses import replace

from monostack.http import Routes

_SERVERS, _OLD = "/v2.1/servers", "/v2.1/os-volumes_boot"
LAST_BOOT = (2, 102)
_PATHS = ("", "/detail", "/{id}", "/{id}/action")


def volumes_boot(groups: Iterable[Routes]) -> Routes:
    """The routes of servers themselves, under the old name."""
    old = Routes("")
    for group in groups:
        old.entries += [
            replace(route, path=_OLD + route.path.removeprefix(_SERVERS), until=LAST_BOOT)
            for route in group.entries
            if route.path in [_SERVERS + path for path in _PATHS]
        ]
    return old
