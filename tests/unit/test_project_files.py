"""The files around the code agree with it: dependencies, locks, and what the project says of itself."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from monostack.cli import compatibility

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = ("requirements.lock", "requirements-test.lock", "deploy/installer.lock")


@pytest.mark.parametrize(
    ("heading", "declared"), [("To run", PROJECT["dependencies"]), ("To test", PROJECT["optional-dependencies"]["test"])]
)
def test_every_dependency_has_its_reason(heading: str, declared: list[str]) -> None:
    section = (ROOT / "docs/dependencies.md").read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    explained = re.findall(r"^\| ([^|]+) \| .+ \|$", section, re.M)
    assert sorted(explained[1:], key=str.lower) == sorted(declared, key=str.lower)


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_pin_by_hash_and_name_no_registry(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    pins = re.findall(r"^[a-z0-9][^\n]*? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.M)
    assert pins
    assert len(pins) == len(re.findall(r"^[a-z0-9]", text, re.M))


def test_the_test_lock_has_what_the_other_has() -> None:
    run, test = (set(re.findall(r"^([a-z0-9]\S*==\S+)", (ROOT / name).read_text(), re.M)) for name in LOCKS[:2])
    assert run <= test


def test_shell_scripts_are_sound() -> None:
    for script in ("deploy/setup.sh", "deploy/lock.sh", "deploy/guest-image/build.sh", "tests/run.sh", ".ci/run"):
        subprocess.run(["bash", "-n", str(ROOT / script)], check=True)


def test_links_of_the_readmes_lead_somewhere() -> None:
    for readme in ("README.md", "README.zh-CN.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / readme).read_text()):
            assert (ROOT / target).exists(), f"{readme} links to {target}"


def test_the_compatibility_table_is_current() -> None:
    tested_by = (ROOT / "docs" / "tested-by.txt").read_text()
    for name, language in (("compatibility.md", "en"), ("compatibility.zh-CN.md", "zh-CN")):
        assert (ROOT / "docs" / name).read_text() == compatibility.render(tested_by, language), f"docs/{name} is stale: run `make docs`"
