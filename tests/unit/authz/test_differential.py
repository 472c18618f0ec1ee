"""The policy engine against oslo.policy: the same decision on every generated rule, target and caller.

MONOSTACK_POLICY_CASES sets how many cases are compared (20,000 unless given), MONOSTACK_POLICY_SEED where they start.
"""

import importlib
import logging
import os
import warnings
from typing import Any

import pytest
import yaml
from oslo_config import cfg
from oslo_policy import policy as oslo
from oslo_policy.shell import flatten
from policy_rule_generator import Generator

from monostack.authz.policy import Enforcer, Policy

CASES = int(os.environ.get("MONOSTACK_POLICY_CASES", "20000"))
SEED = int(os.environ.get("MONOSTACK_POLICY_SEED", "1"))
RULES_PER_SET = 25
CALLERS_PER_SET = 20


@pytest.fixture(autouse=True)
def quiet() -> Any:
    """Thousands of rules are broken on purpose; both engines would write pages about them."""
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def _reference(defaults: list[tuple[str, Any, tuple[str, ...]]], policy_file: str | None) -> oslo.Enforcer:
    conf = cfg.ConfigOpts()
    conf([], project="differential", default_config_files=[], default_config_dirs=[])
    enforcer = oslo.Enforcer(conf, policy_file=policy_file or "/nonexistent/policy.yaml")
    enforcer.register_defaults([oslo.RuleDefault(name, rule, scope_types=list(scopes) or None) for name, rule, scopes in defaults])
    enforcer.load_rules(force_reload=policy_file is not None)
    enforcer.load_rules = lambda force_reload=False: None  # the file does not change; looking for it each time is most of the cost
    return enforcer


def _refusing(enforcer: oslo.Enforcer, name: str, target: dict[str, Any], creds: dict[str, Any]) -> bool:
    """The reference's decision; where it fails with an error, a service answers 500 and does nothing, so that is a refusal."""
    try:
        return bool(enforcer.enforce(name, flatten(target), dict(creds)))
    except Exception:  # noqa: BLE001 - whatever it raises on a broken rule
        return False


def _compare(seed: int, with_overrides: bool, tmp_path: Any) -> tuple[int, int]:
    """Compare one generated set of rules; how many cases there were, and in how many of them access was allowed."""
    generator = Generator(seed)
    rules = generator.rules(RULES_PER_SET)
    defaults = [(name, rule, generator.scope_types()) for name, rule in rules.items()]
    path = None
    if with_overrides:
        path = tmp_path / f"policy-{seed}.yaml"
        path.write_text(yaml.safe_dump(generator.overrides(rules)))
    reference = _reference(defaults, str(path) if path else None)
    ours = Enforcer("svc", [Policy(*default) for default in defaults], path)
    names = [*rules, "svc:added", "svc:no_such_rule"]
    allowed = 0
    for _ in range(CALLERS_PER_SET):
        creds, target = generator.creds(), generator.target()
        for name in names:
            expected = _refusing(reference, name, target, creds)
            actual = ours.allows(name, creds, target)
            allowed += expected
            assert actual == expected, f"seed {seed}: {name} = {rules.get(name)!r} (overrides: {path}) creds {creds} target {target}"
    return len(names) * CALLERS_PER_SET, allowed


@pytest.mark.parametrize("with_overrides", [False, True], ids=["defaults", "overrides"])
def test_same_decision_as_oslo_policy(with_overrides: bool, tmp_path: Any) -> None:
    cases, allowed, seed = 0, 0, SEED
    while cases < CASES / 2:
        compared, permitted = _compare(seed, with_overrides, tmp_path)
        cases, allowed, seed = cases + compared, allowed + permitted, seed + 1
    # A generator whose rules nearly all deny, or allow, would prove nothing.
    assert 0.15 < allowed / cases < 0.85


@pytest.mark.parametrize("service", ["identity", "compute", "volume", "image", "placement"])  # Neutron's checks are not oslo.policy's
def test_default_policies_decide_as_oslo_policy_does(service: str) -> None:
    declared: tuple[Policy, ...] = importlib.import_module(f"monostack.authz.defaults.{service}").POLICIES
    reference = _reference([(policy.name, policy.check_str, policy.scope_types) for policy in declared], None)
    ours = Enforcer(service, declared)
    generator = Generator(SEED)
    for _ in range(10):
        creds, target = generator.creds(), generator.target()
        for policy in declared:
            expected = _refusing(reference, policy.name, target, creds)
            assert ours.allows(policy.name, creds, target) == expected, f"{policy} creds {creds} target {target}"
