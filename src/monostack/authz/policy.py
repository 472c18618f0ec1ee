"""Policies a service declares, and the enforcer that decides by them.

One enforcer serves one service, since services use the same names for different rules. Scope types are always enforced and the
old, deprecated defaults are not taken into account, as in current OpenStack (enforce_scope and enforce_new_defaults).
"""

import json
import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from monostack.authz.checks import CheckKind, Creds, Target
from monostack.authz.compiler import CompiledRules, CyclicRules, compile_rules
from monostack.authz.network_checks import NETWORK_KINDS
from monostack.authz.overrides import BrokenPolicyFile, read_names, read_overrides, signature
from monostack.core import clock

LOG = logging.getLogger(__name__)
T = TypeVar("T", bound=Target)

RELOAD_SECONDS = 1.0
SERVICE_KINDS: Mapping[str, Mapping[str, CheckKind]] = {"network": NETWORK_KINDS}
SCOPES = frozenset({"system", "domain", "project"})
_EVALUATION_ERRORS = (TypeError, ValueError, LookupError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule under the name OpenStack gives it. No scope types: any scope, as for rules that other rules refer to."""

    name: str
    check_str: str
    scope_types: tuple[str, ...] = ()
    description: str = ""
    operations: tuple[tuple[str, str], ...] = ()  # (method, path)

    def __post_init__(self) -> None:
        if not SCOPES.issuperset(self.scope_types):
            raise ValueError(f"policy {self.name}: scope types {self.scope_types} are not all of {sorted(SCOPES)}")


ANY_SCOPE: tuple[str, ...] = ()
PROJECT = ("project",)
SYSTEM_OR_PROJECT = ("system", "project")
ALL_SCOPES = ("system", "domain", "project")


def policies(scope_types: tuple[str, ...], rules: Mapping[str, str]) -> tuple[Policy, ...]:
    """Policies of a table of names and check strings that share their scope types."""
    return tuple(Policy(name, check_str, scope_types) for name, check_str in rules.items())


def scope_of(creds: Creds) -> str:
    """The kind of scope a caller has; a caller without any counts as "project", as in oslo.policy."""
    if creds.get("system") or creds.get("system_scope"):
        return "system"
    return "domain" if creds.get("domain_id") else "project"


@lru_cache(maxsize=32)
def _compile(service: str, rules: str) -> CompiledRules:
    """Rules by name, as JSON since that is a key: the same are compiled once, however many clouds run in this process."""
    return compile_rules(json.loads(rules), SERVICE_KINDS.get(service))


class Enforcer:
    """Decides by a service's policies and the operator's overrides of them.

    The overrides are read at construction, where a broken file raises BrokenPolicyFile, and again when the file changes, which is
    looked for at most once a second; a file that is broken then is logged and the last good one stays in force. The file may come later.
    """

    def __init__(self, service: str, declared: Iterable[Policy], overrides_path: Path | None = None) -> None:
        self.service = service
        self.policies: dict[str, Policy] = {}
        for policy in declared:
            if policy.name in self.policies:
                raise ValueError(f"{service}: policy {policy.name} is declared twice")
            self.policies[policy.name] = policy
        self._scope_types = {policy.name: frozenset(policy.scope_types) for policy in self.policies.values() if policy.scope_types}
        self._path = overrides_path
        self._seen = signature(overrides_path) if overrides_path else None
        self._rules = self._load()  # replaced as a whole, so that threads need no lock
        self._next_look = clock.monotonic() + RELOAD_SECONDS if overrides_path else math.inf

    def allows(self, name: str, creds: Creds, target: Target) -> bool:
        """Whether the caller may do what `name` stands for to `target`. Never raises: what cannot be decided is refused and logged."""
        if clock.monotonic() >= self._next_look:
            self._look()
        if not self.scope_allows(name, creds):
            return False
        try:
            return self._rules.closure(name)(creds, target)
        except _EVALUATION_ERRORS as error:
            self._undecided(name, error)
            return False

    def allowed(self, name: str, creds: Creds, targets: Iterable[T]) -> list[T]:
        """Those of the targets to which the caller may do what `name` stands for: `allows` for many."""
        if clock.monotonic() >= self._next_look:
            self._look()
        if not self.scope_allows(name, creds):
            return []
        check = self._rules.closure(name)
        allowed: list[T] = []
        for target in targets:
            try:
                if check(creds, target):
                    allowed.append(target)
            except _EVALUATION_ERRORS as error:
                self._undecided(name, error)
        return allowed

    def _undecided(self, name: str, error: Exception) -> None:
        LOG.error("%s: policy %s cannot be evaluated, so it refuses: %s", self.service, name, error)

    def scope_allows(self, name: str, creds: Creds) -> bool:
        """Whether the scope of the caller's token is one the policy is meant for. An override does not change that."""
        scope_types = self._scope_types.get(name)
        return scope_types is None or scope_of(creds) in scope_types

    def knows(self, name: str) -> bool:
        """Whether the name is declared, or some rule refers to it."""
        return name in self.policies or name in self._rules.references

    def _load(self) -> CompiledRules:
        overrides = read_overrides(self._path, self.service) if self._path else {}
        rules = {policy.name: policy.check_str for policy in self.policies.values()}
        try:
            compiled = _compile(self.service, json.dumps({**rules, **overrides}))
        except (CyclicRules, RecursionError) as error:
            raise BrokenPolicyFile(f"{self._path or self.service}: {error}") from error
        for problem in compiled.problems:
            LOG.error("%s: policy %s", self.service, problem)
        if overrides:
            LOG.info("%s: %d policies overridden from %s", self.service, len(overrides.keys() & rules.keys()), self._path)
        return compiled

    def _look(self) -> None:
        """Read the overrides again if their file has changed since it was last looked at."""
        self._next_look = clock.monotonic() + RELOAD_SECONDS
        assert self._path is not None
        try:
            now = signature(self._path)
            if now == self._seen:
                return
            self._seen = now
            self._rules = self._load()
            if now is None:
                LOG.warning("%s: %s is gone, the default policies are in force", self.service, self._path)
        except BrokenPolicyFile as error:
            LOG.error("%s: the policy file is not used, the last good one stays in force: %s", self.service, error)


def unknown_overrides(path: Path, enforcers: Iterable[Enforcer]) -> list[str]:
    """Names in the policy file that no service declares and no rule refers to: most likely typing errors. Raises BrokenPolicyFile."""
    enforcers = tuple(enforcers)
    return [name for name in read_names(path, {enforcer.service for enforcer in enforcers}) if not any(e.knows(name) for e in enforcers)]
