"""The policy language of OpenStack's oslo.policy: from a check string, or the older list form, to a tree.

Source: https://docs.openstack.org/oslo.policy/latest/admin/policy-yaml-file.html. A string that cannot be parsed denies, as it does
there, but it is also reported, so that a typing error in a policy file is seen when the file is read and not when a user calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

MAX_NESTING = 100


class RuleSyntaxError(ValueError):
    """A check string is not in the policy language."""


@dataclass(frozen=True, slots=True)
class Constant:
    """`@`, the empty rule (allow) or `!` (deny)."""

    allow: bool


@dataclass(frozen=True, slots=True)
class Check:
    """`kind:match`, for example `role:admin` or `project_id:%(project_id)s`."""

    kind: str
    match: str


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Node"


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple["Node", ...]


Node = Constant | Check | Not | And | Or
RuleText = str | list[str | list[str]]

ALLOW = Constant(True)
DENY = Constant(False)


def parse(rule: RuleText) -> tuple[Node, list[str]]:
    """The tree of a rule, and what is wrong with it in words (empty when nothing is).

    Whatever cannot be understood is DENY in the tree: the whole rule when its structure is broken, else the one check.
    """
    complaints: list[str] = []
    if not rule:
        return ALLOW, complaints
    try:
        node = _Parser(_tokens(rule, complaints)).parse() if isinstance(rule, str) else _parse_lists(rule, complaints)
    except RuleSyntaxError as error:
        return DENY, [*complaints, str(error)]
    return node, complaints


def _atom(text: str, complaints: list[str]) -> Node:
    if text == "!":
        return DENY
    if text == "@":
        return ALLOW
    kind, colon, match = text.partition(":")
    if not colon:
        complaints.append(f"{text!r} is not a check: expected kind:match, @ or !")
        return DENY
    return Check(kind, match)


def _tokens(rule: str, complaints: list[str]) -> list[str | Node]:
    """Operators and parentheses as lower-case strings, checks as nodes. Parentheses count only at either end of a word."""
    tokens: list[str | Node] = []
    for word in rule.split():
        inner = word.lstrip("(")
        tokens += "(" * (len(word) - len(inner))
        if not inner:
            continue
        text = inner.rstrip(")")
        closing = len(inner) - len(text)
        if text.lower() in ("and", "or", "not"):
            tokens.append(text.lower())
        elif text:
            if len(inner) >= 2 and inner[0] == inner[-1] and inner[0] in "\"'":
                raise RuleSyntaxError(f"{inner} is a quoted word where a check is expected")
            tokens.append(_atom(text, complaints))
        tokens += ")" * closing
    return tokens


def _parse_lists(rule: Sequence[object], complaints: list[str]) -> Node:
    """The list form: the outer list is joined by `or`, each inner list by `and`."""
    alternatives: list[Node] = []
    for inner in rule:
        if not inner:
            continue
        checks: list[object] = [inner] if isinstance(inner, str) else cast("list[object]", inner) if isinstance(inner, list) else []
        texts = [check for check in checks if isinstance(check, str)]
        if not checks or len(texts) < len(checks):
            raise RuleSyntaxError(f"{inner!r} is neither a check nor a list of checks")
        nodes = tuple(_atom(text, complaints) for text in texts)
        alternatives.append(nodes[0] if len(nodes) == 1 else And(nodes))
    if not alternatives:
        return DENY
    return alternatives[0] if len(alternatives) == 1 else Or(tuple(alternatives))


class _Parser:
    """Recursive descent: `or` binds loosest, then `and`, then `not`."""

    def __init__(self, tokens: list[str | Node]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def parse(self) -> Node:
        node = self._or()
        if self._at < len(self._tokens):
            raise RuleSyntaxError(f"'and' or 'or' is missing, or a parenthesis does not match, at word {self._at + 1}")
        return node

    def _next_is(self, operator: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == operator:
            self._at += 1
            return True
        return False

    def _or(self) -> Node:
        operands = [self._and()]
        while self._next_is("or"):
            operands.append(self._and())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _and(self) -> Node:
        operands = [self._operand()]
        while self._next_is("and"):
            operands.append(self._operand())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _operand(self) -> Node:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise RuleSyntaxError(f"nested deeper than {MAX_NESTING} levels")
        try:
            return self._operand_here()
        finally:
            self._depth -= 1

    def _operand_here(self) -> Node:
        if self._next_is("not"):
            return Not(self._operand())
        if self._next_is("("):
            node = self._or()
            if not self._next_is(")"):
                raise RuleSyntaxError("a parenthesis is not closed")
            return node
        if self._at >= len(self._tokens):
            raise RuleSyntaxError("ends where a check is expected")
        token = self._tokens[self._at]
        if isinstance(token, str):
            raise RuleSyntaxError(f"{token!r} stands where a check is expected")
        self._at += 1
        return token
