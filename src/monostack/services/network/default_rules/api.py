"""Creating and deleting default rules; groups that exist already stay as they are."""


from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network.attributes import Values
from monostack.services.network.default_rules.table import DEFAULT_RULES, templates
from monostack.services.network.groups import rules
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import conflict


def create_rule(tx: Transaction, request: Request, values: Values) -> Row:
    rules.check(values)
    present = templates(tx, default=False)
    for rule in present:
        if rules.key(rule._mapping) == rules.key(values):
            text = f"Default Security group rule already exists. Rule id is {rule.id}."
            raise conflict(text, "DefaultSecurityGroupRuleExists")
    last = max((rule.position for rule in (*present, *templates(tx, default=True))), default=0)
    return DEFAULT_RULES.insert(tx, request, {**values, "position": last + 1})


def delete_rule(tx: Transaction, request: Request, row: Row) -> None:
    DEFAULT_RULES.remove(tx, request, row)


VERBS = Verbs(DEFAULT_RULES, create=create_rule, delete=delete_rule, counted=False)
routes = [VERBS.routes()]
