"""Writes docs/compatibility.md from the routes themselves: `python -m monostack.cli.compatibility [zh-CN]`."""

import sys
from collections.abc import Iterable

from monostack.app import SERVICES
from monostack.http.routing import Route, Version
from monostack.http.service import Service

_HEADS = {
    "en": """# What is served

<!-- Generated from the routes by `make docs`. -->

Every operation of every service; HEAD goes with GET. A number behind a method is the microversion it holds from, "until" names the
last that has it. What is not listed is answered 404 or 405, or 501 where the service has words for that, and is not advertised.
""",
    "zh-CN": """# 支持的 API

<!-- 由 `make docs` 根据路由生成。 -->

各服务的全部操作；有 GET 的路径同时支持 HEAD。方法后面的数字是该操作开始可用的微版本，“至”表示最后一个可用的微版本。
未列出的操作返回 404 或 405；如果该服务对此有专门的说明，则返回 501，并且不会对外宣告。
""",
}
_WORDS = {
    "en": {"at": "at", "operations": "operations", "versions": ", microversions {} to {}", "end": ".", "path": "path", "until": "until"},
    "zh-CN": {"at": "位于", "operations": "个操作", "versions": "，微版本 {} 至 {}", "end": "。", "path": "路径", "until": "至"},
}
_COLUMN = {"en": "operations", "zh-CN": "操作"}


def render(language: str = "en") -> str:
    """The whole page."""
    return "\n".join([_HEADS[language], *(line for service in SERVICES for line in _service(service, language))]).rstrip() + "\n"


def _service(service: Service, language: str) -> Iterable[str]:
    words = _WORDS[language]
    routes = sorted((route for group in service.routes for route in group.entries), key=lambda route: (route.path, route.method))
    served = service.microversions
    versions = words["versions"].format(_dotted(served.minimum), _dotted(served.maximum)) if served else ""
    yield f"## {service.type} ({service.name}) {words['at']} {service.prefix}\n"
    yield f"{len(routes)} {words['operations']}{versions}{words['end']}\n"
    yield f"| {words['path']} | {_COLUMN[language]} |"
    yield "|---|---|"
    by_path: dict[str, list[str]] = {}
    for route in routes:
        if route.method != "HEAD":
            by_path.setdefault(route.path or "/", []).append(_operation(route, words["until"]))
    for path, operations in by_path.items():
        # Compute's API of before microversions is the same one below another path.
        if operations != by_path.get(path.replace("/v2/", "/v2.1/", 1)) or not path.startswith("/v2/"):
            yield f"| `{path}` | {', '.join(dict.fromkeys(operations))} |"
    yield ""


def _operation(route: Route, until: str) -> str:
    words = route.method
    if route.actions:
        words += f" ({', '.join(f'`{name}`' for name in sorted(route.actions))})"
    if route.since is not None:
        words += f" {_dotted(route.since)}"
    if route.until is not None:
        words += f" {until} {_dotted(route.until)}"
    return words


def _dotted(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


if __name__ == "__main__":
    sys.stdout.write(render(*sys.argv[1:2]))
