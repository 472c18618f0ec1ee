"""Compiles a set of named rules to closures, so that a check costs a function call and not an interpretation.

Same answers as oslo.policy, which the differential test holds: a reference to a rule that does not exist is decided by the rule called
"default" when there is one and denied otherwise; a string that cannot be understood denies. Different on purpose: rules that refer to
each other in a circle are refused here (there they end in a recursion error at the first call), and `http:` checks, which
would call another server in the middle of a request, are not built and deny.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from monostack.authz import grammar
from monostack.authz.checks import STANDARD, CheckKind, Closure, Creds, Target, always, generic, never

DEFAULT_RULE = "default"
REMOTE_KINDS = frozenset({"http", "https"})


class CyclicRules(ValueError):
    """Rules refer to each other in a circle."""


@dataclass(frozen=True, slots=True)
class CompiledRules:
    checks: Mapping[str, Closure]
    otherwise: Closure  # for names without a rule
    problems: tuple[str, ...]  # for the operator, each with the name of its rule
    references: frozenset[str]  # names some rule refers to

    def closure(self, name: str) -> Closure:
        return self.checks.get(name, self.otherwise)


def compile_rules(rules: Mapping[str, grammar.RuleText], kinds: Mapping[str, CheckKind] | None = None) -> CompiledRules:
    """Compile all rules together. `kinds` adds check kinds to the standard ones. Raises CyclicRules."""
    compiler = _Compiler(rules, {**STANDARD, **(kinds or {})})
    checks = {name: compiler.rule(name) for name in rules}
    return CompiledRules(checks, checks.get(DEFAULT_RULE, never), tuple(compiler.problems), frozenset(compiler.references))


class _Compiler:
    def __init__(self, rules: Mapping[str, grammar.RuleText], kinds: Mapping[str, CheckKind]) -> None:
        self._rules = rules
        self._kinds = kinds
        self._done: dict[str, Closure] = {}
        self._open: list[str] = []  # rules being compiled, outermost first
        self.problems: list[str] = []
        self.references: set[str] = set()

    def rule(self, name: str) -> Closure:
        if name in self._done:
            return self._done[name]
        if name in self._open:
            raise CyclicRules("rules refer to each other in a circle: " + " -> ".join([*self._open[self._open.index(name) :], name]))
        self._open.append(name)
        node, complaints = grammar.parse(self._rules[name])
        self.problems += [f"{name}: {complaint}" for complaint in complaints]
        self._done[name] = self._closure(node)
        self._open.pop()
        return self._done[name]

    def _closure(self, node: grammar.Node) -> Closure:
        match node:
            case grammar.Constant(allow):
                return always if allow else never
            case grammar.Check(kind, match):
                return self._check(kind, match)
            case grammar.Not(operand):
                return _not(self._closure(operand))
            case grammar.And(operands):
                return _all(tuple(self._closure(operand) for operand in operands))
            case grammar.Or(operands):
                return _any(tuple(self._closure(operand) for operand in operands))

    def _check(self, kind: str, match: str) -> Closure:
        if kind == "rule":
            return self._reference(match)
        if kind in REMOTE_KINDS:
            self.problems.append(f"{self._open[-1]}: {kind}: checks are not supported, the check denies")
            return _unevaluable(f"{kind}: checks are not supported")
        try:
            return self._kinds.get(kind, generic)(kind, match)
        except ValueError as error:
            self.problems.append(f"{self._open[-1]}: {error}")
            return _unevaluable(str(error))

    def _reference(self, name: str) -> Closure:
        self.references.add(name)
        if name in self._rules:
            return self.rule(name)
        self.problems.append(f"{self._open[-1]}: refers to rule {name!r}, which does not exist")
        return self.rule(DEFAULT_RULE) if DEFAULT_RULE in self._rules else never


def _not(operand: Closure) -> Closure:
    return lambda creds, target: not operand(creds, target)


def _all(operands: tuple[Closure, ...]) -> Closure:
    if len(operands) == 2:
        first, second = operands
        return lambda creds, target: first(creds, target) and second(creds, target)

    def check(creds: Creds, target: Target) -> bool:
        for operand in operands:  # noqa: SIM110 - a generator would double the cost of every check
            if not operand(creds, target):
                return False
        return True

    return check


def _any(operands: tuple[Closure, ...]) -> Closure:
    if len(operands) == 2:
        first, second = operands
        return lambda creds, target: first(creds, target) or second(creds, target)

    def check(creds: Creds, target: Target) -> bool:
        for operand in operands:  # noqa: SIM110 - as above
            if operand(creds, target):
                return True
        return False

    return check


def _unevaluable(why: str) -> Closure:
    """Raises when it is reached: under a `not`, a plain False would allow."""

    def check(creds: Creds, target: Target) -> bool:
        raise ValueError(why)

    return check
