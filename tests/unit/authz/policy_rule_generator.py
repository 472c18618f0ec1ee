"""Random policy rules, targets and credentials from a seed, sound and broken ones, for the comparison with oslo.policy."""

import random
from typing import Any

ROLES = ("admin", "Admin", "manager", "member", "READER", "service")
PROJECTS = ("p1", "p2", None, "")
USERS = ("u1", "u2", None)
SOUND = (
    "@",
    "!",
    "role:admin",
    "role:READER",
    "role:%(target.role.name)s",
    "role:%(wanted_role)s",
    "project_id:%(project_id)s",
    "user_id:%(user_id)s",
    "user_id:%(target.user.id)s",
    "domain_id:%(target.user.domain_id)s",
    "project_id:p1",
    "project_id:None",
    "system_scope:all",
    "is_admin:True",
    "is_admin:1",
    "True:%(enabled)s",
    "None:%(project_id)s",
    "None:%(target.user.domain_id)s",
    "'public':%(visibility)s",
    '"public":%(visibility)s',
    "'member':%(target.role.name)s",
    "3:%(count)s",
    "count:%(count)s",
    "token.domain.id:%(target.user.domain_id)s",
    "token.roles.name:admin",
    "token.groups:g1",
    "token.missing.deep:g1",
    "user_id.deeper:x",
    "trust:%(absent)s",
    "absent:%(project_id)s",
    "service_roles:service",
    "roles:admin",
    "roles.name:admin",
    "visibility:%(a)s-%(b)s",
    "label:%(project_id)s/%(user_id)s",
    "label:p1/u1",
    "label:100%%",
    "'{}':%(a)s",
    "user_id:%(user_id)10s",
)
# oslo.policy denies or raises on these, and both must refuse here.
BROKEN = (
    "admin",
    ":admin",
    "a..b:x",
    "is-admin:True",
    "count:%(count)d",
    "count:100%",
    "label:%s",
    "role:%(role",
    '"admin"',
    "'role:admin'",
    "rule:no_such_rule",
    "[1:2",
    "{}:x",
    "1+1:2",
    "-1:-1",
    "():()",
)
OPERATORS = ("and", "or", "AND", "Or", "and", "or")


class Generator:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def rules(self, count: int) -> dict[str, Any]:
        """Named rules that refer only to earlier ones, so that there is no circle. Every fourth set has a rule called "default"."""
        names = [f"svc:rule{at}" for at in range(count)]
        if self._random.random() < 0.25:
            names[0] = "default"
        return {name: self.rule(names[:at]) for at, name in enumerate(names)}

    def overrides(self, rules: dict[str, Any]) -> dict[str, Any]:
        """New rules for some of the names, and one nobody declared."""
        names = list(rules)
        chosen = {name: self.rule(names[:at]) for at, name in enumerate(names) if self._random.random() < 0.3}
        return {**chosen, "svc:added": self.rule(names)}

    def scope_types(self) -> tuple[str, ...]:
        return tuple(scope for scope in ("system", "domain", "project") if self._random.random() < 0.6)

    def rule(self, known: list[str]) -> Any:
        kind = self._random.random()
        if kind < 0.05:
            return self._random.choice(["", " ", [], [[]], "()", "(", "not", "and"])
        if kind < 0.15:
            return self._list_rule(known)
        text = self._expression(known, depth=self._random.randint(0, 3))
        return self._damaged(text) if kind > 0.9 else text

    def _check(self, known: list[str]) -> str:
        if known and self._random.random() < 0.25:
            return "rule:" + self._random.choice(known)
        # Mostly sound ones, or else nearly every rule would deny.
        check = self._random.choice(SOUND if self._random.random() < 0.9 else BROKEN)
        # An unknown rule stands for "default", which comes first and so must not refer to it.
        return check if known or check != "rule:no_such_rule" else "!"

    def _list_rule(self, known: list[str]) -> list[Any]:
        def inner() -> Any:
            if self._random.random() < 0.3:
                return self._check(known)
            return [self._check(known) for _ in range(self._random.randint(0, 3))]

        return [inner() for _ in range(self._random.randint(0, 3))]

    def _expression(self, known: list[str], depth: int) -> str:
        if depth == 0:
            return self._check(known)
        parts = [self._expression(known, depth - 1)]
        for _ in range(self._random.randint(0, 3)):
            parts += [self._random.choice(OPERATORS), self._expression(known, depth - 1)]
        text = " ".join(parts)
        if self._random.random() < 0.5:
            text = f"({text})" if self._random.random() < 0.7 else f"( {text} )"
        return self._random.choice(("not ", "NOT ", "not not ")) + text if self._random.random() < 0.2 else text

    def _damaged(self, text: str) -> str:
        words = text.split(" ")
        at = self._random.randrange(len(words))
        damage = self._random.randrange(3)
        if damage == 0:
            del words[at]
        elif damage == 1:
            words.insert(at, self._random.choice(("(", ")", "and", "not", "role:admin", "\t")))
        else:
            words[at] = words[at] + self._random.choice((")", "("))
        return " ".join(words)

    def creds(self) -> dict[str, Any]:
        pick = self._random.choice
        creds: dict[str, Any] = {
            "user_id": pick(USERS),
            "project_id": pick(PROJECTS),
            "domain_id": pick(("d1", "d2", None)),
            "system_scope": pick(("all", None, None)),
            "is_admin": pick((True, False)),
            "count": pick((1, 3, "3")),
            "service_roles": pick(([], ["service"])),
            "label": pick(("p1/u1", "100%", "x")),
            "token": {
                "domain": {"id": pick(("d1", "d2"))},
                "roles": [{"name": name} for name in self._random.sample(ROLES, 2)],
                "groups": pick((["g1", "g2"], [])),
            },
        }
        if self._random.random() < 0.9:
            creds["roles"] = self._random.sample(ROLES, self._random.randint(0, 4))
        for name in self._random.sample(sorted(creds), self._random.randint(0, 2)):
            del creds[name]
        return creds

    def target(self) -> dict[str, Any]:
        """A target, nested or already flat."""
        pick = self._random.choice
        user = {"id": pick(USERS), "domain_id": pick(("d1", "d2", None))}
        role = {"name": pick(("admin", "member", "reader"))}
        flat = {"target.user.id": user["id"], "target.user.domain_id": user["domain_id"], "target.role.name": role["name"]}
        target: dict[str, Any] = {
            "project_id": pick(PROJECTS),
            "user_id": pick(USERS),
            "visibility": pick(("public", "private", "shared")),
            "enabled": pick((True, False, "True")),
            "count": pick((3, "3", 4)),
            "wanted_role": pick(("ADMIN", "member")),
            "a": pick(("1", {}, {"b": "1"})),
            "b": "2",
            **pick(({"target": {"user": user, "role": role}}, flat, {"target": {"user": user}}, {"target": {}})),
        }
        for name in self._random.sample(sorted(target), self._random.randint(0, 2)):
            del target[name]
        return target
