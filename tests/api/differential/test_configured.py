"""The same for scenarios that need a cloud with options of their own."""

from pathlib import Path
from typing import Any

import pytest
from player import CONFIGURED, Cloud, settings_of
from replay import check


@pytest.fixture(scope="module", params=CONFIGURED, ids=[path.stem for path in CONFIGURED])
def scenario(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture(scope="module")
def cloud_settings(scenario: Path) -> dict[str, Any]:
    return settings_of(scenario)


def test_answers_as_openstack_does_when_configured_so(scenario: Path, players: Cloud):
    check(scenario, players)
