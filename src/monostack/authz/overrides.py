"""The operator's policy file: rules that replace or add to a service's defaults.

YAML as OpenStack's own: `"RULE NAME": "CHECK STRING"`. The file is one for all services, so a name that several services use for different
rules (`context_is_admin`, `default`) can be given for one of them, in a mapping under the service's name, which then wins:

    "os_compute_api:servers:create": "role:builder"
    compute:
      "project_reader_api": "role:auditor"
"""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from monostack.authz.grammar import RuleText

Signature = tuple[int, int, int, int]
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BrokenPolicyFile(ValueError):
    """The policy file cannot be used. The message names the file and the cause."""


def signature(path: Path) -> Signature | None:
    """What changes when the file does; None when there is no file. Raises BrokenPolicyFile."""
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BrokenPolicyFile(f"{path}: {error.strerror}") from error
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino


def read_overrides(path: Path, service: str) -> dict[str, RuleText]:
    """The rules of the file that concern `service`. A file that is not there has none. Raises BrokenPolicyFile."""
    common, sections = _read(path)
    return {**common, **sections.get(service, {})}


def read_names(path: Path, services: Collection[str]) -> list[str]:
    """Every rule name in the file, and the name of every section that is for none of `services`. Raises BrokenPolicyFile."""
    common, sections = _read(path)
    names = set(common)
    for service, rules in sections.items():
        names |= rules.keys() if service in services else {service}
    return sorted(names)


def _read(path: Path) -> tuple[dict[str, RuleText], dict[str, dict[str, RuleText]]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}, {}
    except (OSError, UnicodeDecodeError) as error:
        raise BrokenPolicyFile(f"{path}: {error}") from error
    try:
        content = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BrokenPolicyFile(f"{path} is not YAML: {error}") from error
    if content is None:
        return {}, {}
    if not isinstance(content, dict):
        raise BrokenPolicyFile(f"{path}: expected a mapping of rule names to check strings, found a {type(content).__name__}")
    given = cast("Mapping[object, object]", content)
    parts: dict[str, Any] = {name: rules for name, rules in given.items() if isinstance(name, str) and isinstance(rules, dict)}
    sections = {name: _checked(rules, path) for name, rules in parts.items()}
    return _checked({name: rule for name, rule in given.items() if name not in sections}, path), sections


def _checked(rules: Mapping[object, object], path: Path) -> dict[str, RuleText]:
    checked: dict[str, RuleText] = {}
    for name, rule in rules.items():
        if not isinstance(name, str):
            raise BrokenPolicyFile(f"{path}: the rule name {name!r} is not a string; put it in quotes")
        # An empty value (YAML null) would allow everybody in oslo.policy. Whoever means that can write it.
        if not isinstance(rule, str | list):
            raise BrokenPolicyFile(f'{path}: {name}: expected a check string, found {rule!r} ("@" allows all, "!" none)')
        checked[name] = rule
    return checked
