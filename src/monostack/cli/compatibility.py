"""Writes docs/compatibility.md from the routes and from docs/tested-by.txt: `python -m monostack.cli.compatibility TESTED_BY [zh-CN]`."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from monostack.app import SERVICES
from monostack.http.answers import REFUSED
from monostack.http.routing import Route, Version
from monostack.http.service import Service

_HEADS = {
    "en": """# What is served

<!-- Generated from the routes and from what the tests reached, by `make docs`. -->

Every operation of every service; HEAD goes with GET. Where there are microversions, those it is there in. What is not listed is answered
404 or 405, or 501 where the service has words for that, and is not advertised.

"Tested by" names who called it and got what was asked for: `api` are the project's own tests over HTTP, `openstackclient` is the unmodified
command line client, `Tempest` are OpenStack's own tests, `openstacksdk` are the functional tests that the Python SDK brings along. The
first two are checked in every run of the tests.
""",
    "zh-CN": """# 支持的 API

<!-- 由 `make docs` 根据路由和测试结果生成。 -->

各服务的全部操作；有 GET 的路径同时支持 HEAD。支持微版本的服务会列出该操作可用的微版本。
未列出的操作返回 404 或 405；如果该服务对此有专门的说明，则返回 501，并且不会对外宣告。

“测试方”列出成功调用过该操作的一方：`api` 是本项目自己的 HTTP 测试，`openstackclient` 是未经修改的命令行客户端，
`Tempest` 是 OpenStack 官方的测试，`openstacksdk` 是 Python SDK 自带的功能测试。前两者在每次运行测试时都会检查。
""",
}
_WORDS = {
    "en": {"at": "at", "operations": "operations", "versions": ", microversions {} to {}", "end": "."},
    "zh-CN": {"at": "位于", "operations": "个操作", "versions": "，微版本 {} 至 {}", "end": "。"},
}
_COLUMNS = {"en": ("operation", "microversions", "tested by"), "zh-CN": ("操作", "微版本", "测试方")}


@dataclass(frozen=True, slots=True, order=True)
class Operation:
    """What is counted and tested as one: a method of a path, and of an action its name, in some microversions."""

    service: str
    path: str
    method: str
    action: str = ""
    versions: str = ""

    def __str__(self) -> str:
        """One line, which tells it from all others."""
        words = [self.service, self.method, self.path, self.action and f"({self.action})", self.versions and f"[{self.versions}]"]
        return " ".join(word for word in words if word)


def operation(service: Service, route: Route, action: Route | None = None) -> Operation:
    """`action` is what a route with actions chose among. Names of old for the same thing are not told apart."""
    path = route.path or "/"
    if service.type == "compute":
        path = path.replace("/v2/", "/v2.1/", 1)
        path = path.replace("/os-volumes_boot", "/servers", 1) if action else path
    there = action or route
    versions = f"{_dotted(there.since or (0, 0))}-{_dotted(there.until or (0, 0))}".replace("0.0", "")
    return Operation(service.type, path, route.method, action.path if action else "", versions.strip("-") and versions)


def operations(service: Service) -> list[Operation]:
    """All that a service answers, in order. What never succeeds is served for its words alone, and is not among them."""
    found: set[Operation] = set()
    for route in (route for group in service.routes for route in group.entries if route.method != "HEAD"):
        actions = [action for actions in (route.actions or {}).values() for action in actions]
        found.update(operation(service, route, action) for action in actions or [None] if (action or route).answers != REFUSED)
    return sorted(found)


def read(tested_by: str) -> dict[str, list[str]]:
    """Who called an operation, by its line: `<operation>: <who> <who>`."""
    pairs = (line.rpartition(": ") for line in tested_by.splitlines() if line)
    return {line: who.split() for line, _, who in pairs}


def render(tested_by: str, language: str = "en") -> str:
    """The whole page."""
    tested = read(tested_by)
    return "\n".join([_HEADS[language], *(line for service in SERVICES for line in _service(service, tested, language))]).rstrip() + "\n"


def _service(service: Service, tested: dict[str, list[str]], language: str) -> Iterable[str]:
    words = _WORDS[language]
    served = service.microversions
    versions = words["versions"].format(_dotted(served.minimum), _dotted(served.maximum)) if served else ""
    yield f"## {service.type} ({service.name}) {words['at']} {service.prefix}\n"
    there = operations(service)
    yield f"{len(there)} {words['operations']}{versions}{words['end']}\n"
    yield from _row(*_COLUMNS[language])
    yield from _row("---", "---", "---")
    for one in there:
        action = f" `{one.action}`" if one.action else ""
        yield from _row(f"{one.method} `{one.path}`{action}", one.versions, ", ".join(tested.get(str(one), ())))
    yield ""


def _row(*cells: str) -> Iterator[str]:
    yield f"| {' | '.join(cells)} |"


def _dotted(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


if __name__ == "__main__":
    sys.stdout.write(render(Path(sys.argv[1]).read_text(), *sys.argv[2:3]))
