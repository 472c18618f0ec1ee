"""Differences between the recorded answer of the real OpenStack and ours. The order of lists is not compared."""

import json
import re
from typing import Any


def path_pattern(path: str) -> re.Pattern[str]:
    """`a.b.0`, with `*` for one level and `**` for any number."""
    out = ""
    for part in path.removeprefix("$.").split("."):
        out += r"(?:/[^/]*)*" if part == "**" else "/" + ("[^/]*" if part == "*" else re.escape(part))
    return re.compile(out)


def _canonical(value: Any) -> str:
    def ordered(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: ordered(v) for k, v in value.items()}
        return sorted((ordered(v) for v in value), key=lambda v: json.dumps(v, sort_keys=True)) if isinstance(value, list) else value

    return json.dumps(ordered(value), sort_keys=True)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 200 else text[:197] + "..."


def _likeness(a: Any, b: Any) -> int:
    if isinstance(a, dict) and isinstance(b, dict):
        return sum(3 if k in ("name", "id", "type", "rel") else 1 for k in a if k in b and _canonical(a[k]) == _canonical(b[k]))
    return int(type(a) is type(b))


def _kind(value: Any) -> str:
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


class Comparison:
    """Of one step; `differences` tells what differs, each with its path."""

    def __init__(self, step: dict[str, Any], recorded: dict[str, Any], ours: dict[str, Any]) -> None:
        ignored = step.get("ignore", [])
        self._ignored = [path_pattern(p) for p in ignored if not p.startswith("header:")]
        self._ignored_headers = {p[7:].lower() for p in ignored if p.startswith("header:")}
        self._shape = [path_pattern(p) for p in step.get("shape", [])]
        self._newer = set(step.get("newer", []))
        self.differences: list[str] = []
        if recorded["status"] != ours["status"]:
            self.differences.append(f"status: {recorded['status']} there, {ours['status']} here: {_short(ours['body'])}")
        self._headers(recorded["headers"], ours["headers"])
        if not any(pattern.fullmatch("") for pattern in self._ignored):
            self._bodies(recorded["body"], ours["body"])

    def _headers(self, there: dict[str, str], here: dict[str, str]) -> None:
        for name in sorted((set(there) | set(here)) - self._ignored_headers):
            if there.get(name) != here.get(name):
                self.differences.append(f"header {name}: {there.get(name)!r} there, {here.get(name)!r} here")

    def _bodies(self, there: Any, here: Any) -> None:
        if there is None or here is None or list(there) != list(here):
            if there != here:
                self.differences.append(f"body: {_short(there)} there, {_short(here)} here")
        elif "text" in there:
            if there["text"] != here["text"]:
                self.differences.append(f"text: {_short(there['text'])} there, {_short(here['text'])} here")
        else:
            self._walk(there["json"], here["json"], "", True)

    def _walk(self, there: Any, here: Any, path: str, exact: bool) -> None:
        if any(p.fullmatch(path) for p in self._ignored):
            return
        if any(p.fullmatch(path) for p in self._shape):
            exact = False
        if _kind(there) != _kind(here):
            if exact or (there is not None and here is not None):
                self.differences.append(f"{path}: {_short(there)} there, {_short(here)} here")
        elif isinstance(there, dict):
            for key in sorted(set(there) | set(here)):
                where = f"{path}/{key}"
                if any(p.fullmatch(where) for p in self._ignored):
                    continue
                if key not in here:
                    self.differences.append(f"{where}: missing here ({_short(there[key])} there)")
                elif key not in there:
                    if key in self._newer:
                        continue
                    self.differences.append(f"{where}: only here ({_short(here[key])})")
                else:
                    self._walk(there[key], here[key], where, exact)
        elif isinstance(there, list):
            self._lists(there, here, path, exact)
        elif exact and there != here:
            self.differences.append(f"{path}: {_short(there)} there, {_short(here)} here")

    def _lists(self, there: list[Any], here: list[Any], path: str, exact: bool) -> None:
        if exact and len(there) != len(here):
            self.differences.append(f"{path}: {len(there)} items there, {len(here)} here")
        left = list(here)
        # Exact partners first, then the most similar.
        for item in sorted(there, key=lambda item: _canonical(item) not in {_canonical(h) for h in here}):
            if not left:
                return
            best = max(left, key=lambda other: (_canonical(other) == _canonical(item), _likeness(item, other)))
            left.remove(best)
            self._walk(item, best, f"{path}/{here.index(best)}", exact)
