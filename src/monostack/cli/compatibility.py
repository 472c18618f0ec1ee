"""Writes docs/compatibility.md from the routes themselves: `python -m monostack.cli.compatibility`."""

import sys
from collections.abc import Iterable

from monostack.app import SERVICES
from monostack.http.routing import Route, Version
from monostack.http.service import Service

_HEAD = """# What is served

<!-- Generated from the routes by `make docs`. -->

Every operation of every service; HEAD goes with GET. A number behind a method is the microversion it holds from, "until" names the
last that has it. What is not listed is answered 404 or 405, or 501 where the service has words for that, and is not advertised.
"""


def render() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(line for service in SERVICES for line in _service(service))]).rstrip() + "\n"


def _service(service: Service) -> Iterable[str]:
    routes = sorted((route for group in service.routes for route in group.entries), key=lambda route: (route.path, route.method))
    served = service.microversions
    versions = f", microversions {_dotted(served.minimum)} to {_dotted(served.maximum)}" if served else ""
    yield f"## {service.type} ({service.name}) at {service.prefix}\n"
    yield f"{len(routes)} operations{versions}.\n"
    yield "| path | operations |"
    yield "|---|---|"
    by_path: dict[str, list[str]] = {}
    for route in routes:
        if route.method != "HEAD":
            by_path.setdefault(route.path or "/", []).append(_operation(route))
    for path, operations in by_path.items():
        # Compute's API of before microversions is the same one below another path.
        if operations != by_path.get(path.replace("/v2/", "/v2.1/", 1)) or not path.startswith("/v2/"):
            yield f"| `{path}` | {', '.join(dict.fromkeys(operations))} |"
    yield ""


def _operation(route: Route) -> str:
    words = route.method
    if route.actions:
        words += f" ({', '.join(f'`{name}`' for name in sorted(route.actions))})"
    if route.since is not None:
        words += f" {_dotted(route.since)}"
    if route.until is not None:
        words += f" until {_dotted(route.until)}"
    return words


def _dotted(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


if __name__ == "__main__":
    sys.stdout.write(render())
