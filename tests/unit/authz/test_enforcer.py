"""The enforcer around the compiled rules: scope types, overrides and their reloading, broken files, what it costs."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monostack.authz.overrides import BrokenPolicyFile
from monostack.authz.policy import ANY_SCOPE, PROJECT, Enforcer, Policy, policies, unknown_overrides
from monostack.core import clock

DECLARED = (
    *policies(ANY_SCOPE, {"admin_required": "role:admin", "owner": "user_id:%(user_id)s"}),
    Policy("svc:show", "rule:admin_required or rule:owner", ("project", "system")),
    Policy("svc:delete", "rule:admin_required", ("project",)),
)
ADMIN = {"user_id": "a", "project_id": "p", "roles": ["admin", "member", "reader"]}
MEMBER = {"user_id": "m", "project_id": "p", "roles": ["member", "reader"]}


class Hands:
    """A clock the test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hands() -> Iterator[Hands]:
    hands = Hands()
    clock.use(monotonic=hands)
    yield hands
    clock.use()


@pytest.fixture
def policy_file(tmp_path: Path) -> Path:
    return tmp_path / "policy.yaml"


def test_defaults_decide_without_a_file(policy_file: Path) -> None:
    enforcer = Enforcer("svc", DECLARED, policy_file)
    assert enforcer.allows("svc:show", MEMBER, {"user_id": "m"})
    assert not enforcer.allows("svc:show", MEMBER, {"user_id": "other"})
    assert enforcer.allows("svc:delete", ADMIN, {})


def test_a_scope_the_policy_is_not_meant_for_refuses() -> None:
    enforcer = Enforcer("svc", DECLARED)
    system_admin = {"user_id": "a", "system_scope": "all", "roles": ["admin"]}
    domain_admin = {"user_id": "a", "domain_id": "d", "roles": ["admin"]}
    assert enforcer.allows("svc:show", system_admin, {})
    assert not enforcer.allows("svc:delete", system_admin, {})
    assert not enforcer.allows("svc:show", domain_admin, {})
    assert enforcer.allows("admin_required", domain_admin, {})


def test_a_name_nobody_declared_refuses_everyone() -> None:
    assert not Enforcer("svc", DECLARED).allows("svc:shwo", ADMIN, {})


def test_two_policies_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="declared twice"):
        Enforcer("svc", [*DECLARED, Policy("owner", "@")])


def test_scope_types_are_checked() -> None:
    with pytest.raises(ValueError, match="scope types"):
        Policy("svc:show", "@", ("galaxy",))


def test_override_takes_effect_within_a_second_and_goes_with_its_file(policy_file: Path, hands: Hands) -> None:
    enforcer = Enforcer("svc", DECLARED, policy_file)
    policy_file.write_text('"svc:delete": "role:member"\n')
    assert not enforcer.allows("svc:delete", MEMBER, {})
    hands.now += 1.0
    assert enforcer.allows("svc:delete", MEMBER, {})
    policy_file.unlink()
    hands.now += 1.0
    assert not enforcer.allows("svc:delete", MEMBER, {})


def test_override_of_a_rule_that_others_refer_to_changes_them_too(policy_file: Path) -> None:
    policy_file.write_text('"admin_required": "role:member"\n')
    assert Enforcer("svc", DECLARED, policy_file).allows("svc:delete", MEMBER, {})


def test_section_of_the_service_wins_and_other_sections_are_not_read(policy_file: Path) -> None:
    policy_file.write_text('"svc:delete": "@"\nsvc:\n  "svc:delete": "!"\nother:\n  "svc:show": "!"\n')
    enforcer = Enforcer("svc", DECLARED, policy_file)
    assert not enforcer.allows("svc:delete", ADMIN, {})
    assert enforcer.allows("svc:show", ADMIN, {})


BROKEN_FILES = {
    "not YAML": '"svc:delete": "role:member',
    "a list": "- a\n- b\n",
    "a value that is neither": '"svc:delete": 5\n',
    "an empty value": '"svc:delete":\n',
    "a name that is no string": '5: "@"\n',
    "an empty value in a section": 'svc:\n  "svc:delete":\n',
    "a circle": '"admin_required": "rule:svc:delete"\n',
    "a circle through not": '"owner": "not (rule:svc:show)"\n',
    "a rule of itself": '"owner": "rule:owner"\n',
}


@pytest.mark.parametrize("content", BROKEN_FILES.values(), ids=BROKEN_FILES.keys())
def test_broken_file_refuses_to_start_and_later_keeps_the_last_good_one(
    content: str, policy_file: Path, hands: Hands, caplog: pytest.LogCaptureFixture
) -> None:
    policy_file.write_text('"svc:delete": "role:member"\n')
    enforcer = Enforcer("svc", DECLARED, policy_file)
    policy_file.write_text(content)
    hands.now += 1.0
    assert enforcer.allows("svc:delete", MEMBER, {})
    assert not enforcer.allows("svc:delete", {"roles": ["reader"]}, {})
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert str(policy_file) in caplog.text
    hands.now += 10.0
    enforcer.allows("svc:delete", MEMBER, {})
    assert len(caplog.records) == 1, "logged once, not every second"
    with pytest.raises(BrokenPolicyFile):
        Enforcer("svc", DECLARED, policy_file)
    policy_file.write_text('"svc:delete": "role:reader"\n')
    hands.now += 1.0
    assert enforcer.allows("svc:delete", {"roles": ["reader"]}, {})


def test_a_file_that_is_not_utf8_is_broken(policy_file: Path) -> None:
    policy_file.write_bytes(b'"svc:delete": "role:\xff"\n')
    with pytest.raises(BrokenPolicyFile):
        Enforcer("svc", DECLARED, policy_file)


@pytest.mark.parametrize("rule", ["role:admin and", "(role:admin", "role:admin role:member", "bogus", "no_such_kind:%(x", "http://host/check"])
def test_a_bad_string_denies_and_is_reported_with_its_name(rule: str, policy_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    policy_file.write_text(f'"svc:delete": "{rule}"\n')
    enforcer = Enforcer("svc", DECLARED, policy_file)
    assert not enforcer.allows("svc:delete", ADMIN, {})
    assert "svc:delete" in caplog.text


def test_what_cannot_be_evaluated_refuses_even_under_not(caplog: pytest.LogCaptureFixture) -> None:
    enforcer = Enforcer("svc", [Policy("a", "not user_id.deeper:x"), Policy("b", "not http://host/check"), Policy("c", "not :x")])
    caplog.clear()
    for name in "abc":
        assert not enforcer.allows(name, ADMIN, {})
    assert len(caplog.records) == 3


def test_deep_nesting_is_refused_and_not_a_crash(policy_file: Path) -> None:
    policy_file.write_text(f'"svc:delete": "{"(" * 5000}role:member{")" * 5000}"\n"svc:show": "{"not " * 5001}role:nobody"\n')
    enforcer = Enforcer("svc", DECLARED, policy_file)
    assert not enforcer.allows("svc:delete", MEMBER, {})
    assert not enforcer.allows("svc:show", MEMBER, {})


def test_names_that_are_in_the_file_and_nowhere_else_are_found(policy_file: Path) -> None:
    policy_file.write_text(
        '"svc:shwo": "@"\n"mine": "role:x"\n"svc:show": "rule:mine"\n"other:list": "@"\nother:\n  "other:lsit": "@"\nthird:\n  "x": "@"\n'
    )
    enforcers = [Enforcer("svc", DECLARED, policy_file), Enforcer("other", [Policy("other:list", "@")], policy_file)]
    assert unknown_overrides(policy_file, enforcers) == ["other:lsit", "svc:shwo", "third"]


def test_a_check_among_a_thousand_rules_takes_microseconds(policy_file: Path) -> None:
    declared = [
        *policies(ANY_SCOPE, {"admin": "role:admin", "reader": "role:reader and project_id:%(project_id)s"}),
        Policy("reader_or_admin", "rule:reader or rule:admin"),
        *policies(PROJECT, {f"svc:{at}": "rule:reader_or_admin" for at in range(1000)}),
    ]
    policy_file.write_text('"svc:1": "rule:admin"\n')
    enforcer = Enforcer("svc", declared, policy_file)
    target = {"project_id": "p", "user_id": "m"}
    best = min(_microseconds(enforcer, target) for _ in range(5))
    # 2 us is asked for on this kind of machine; four times that leaves room for a slow one and still finds a linear search.
    assert best < 8, f"{best:.2f} us a check"


def _microseconds(enforcer: Enforcer, target: dict[str, str]) -> float:
    started = time.process_time()
    for _ in range(2000):
        enforcer.allows("svc:999", MEMBER, target)
    return (time.process_time() - started) / 2000 * 1e6
