"""Our tables of default policies against those of an installed OpenStack.

    python tests/unit/authz/installed_policies.py /path/to/its/python

prints, for each service it has, the lines a table lacks, has too many, or has differently, in a table's words; nothing when all agree.
"""

import importlib
import json
import subprocess
import sys
from collections.abc import Mapping

from monostack.authz.policy import Policy

# Our table and where the service registers its own.
TABLES = {
    "identity": "keystone.common.policies",
    "compute": "nova.policies",
    "network": "neutron.conf.policies",
    "volume": "cinder.policies",
    "image": "glance.policies",
    "placement": "placement.policies",
}
_LIST_RULES = """
import importlib, json, sys
rules = importlib.import_module(sys.argv[1]).list_rules()
json.dump({rule.name: [rule.check_str, rule.scope_types or []] for rule in rules}, sys.stdout)
"""
Rule = tuple[str, tuple[str, ...]]  # check string, scope types


def installed(python: str, module: str) -> dict[str, Rule] | None:
    """The rules the service registers, from the interpreter it is installed for; None when it does not have that service."""
    found = subprocess.run([python, "-W", "ignore", "-c", _LIST_RULES, module], capture_output=True, text=True, timeout=120)
    if found.returncode:
        if f"No module named '{module.partition('.')[0]}" in found.stderr:
            return None
        raise RuntimeError(f"{python} cannot list the rules of {module}: {found.stderr[-2000:]}")
    return {name: (check_str, tuple(scope_types)) for name, (check_str, scope_types) in json.loads(found.stdout).items()}


def ours(service: str) -> dict[str, Rule]:
    declared: tuple[Policy, ...] = importlib.import_module(f"monostack.authz.defaults.{service}").POLICIES
    return {policy.name: (policy.check_str, policy.scope_types) for policy in declared}


def differences(table: Mapping[str, Rule], real: Mapping[str, Rule]) -> list[str]:
    """One line for each rule that is not the same: `-` as the table has it, `+` as the service has it."""
    lines: list[str] = []
    for name in sorted(table.keys() | real.keys()):
        if table.get(name) != real.get(name):
            lines += [f"{sign} {_line(name, rules[name])}" for sign, rules in (("-", table), ("+", real)) if name in rules]
    return lines


def _line(name: str, rule: Rule) -> str:
    return f"{json.dumps(name)}: {json.dumps(rule[0])},  # {', '.join(rule[1]) or 'any scope'}"


def main(python: str) -> int:
    status = 0
    for service, module in TABLES.items():
        real = installed(python, module)
        if real is None:
            print(f"{service}: {module} is not installed there")
            continue
        lines = differences(ours(service), real)
        if lines:
            status = 1
            print(f"{service}:", *lines, sep="\n  ")
    return status


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
