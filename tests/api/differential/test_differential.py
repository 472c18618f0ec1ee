"""Every scenario gets the answers the real OpenStack gave when it was recorded (record.py)."""

from pathlib import Path

import pytest
from player import Cloud
from replay import check

SCENARIOS = sorted(Path(__file__).parent.glob("*.yaml"))


@pytest.mark.parametrize("path", SCENARIOS, ids=[path.stem for path in SCENARIOS])
def test_answers_as_openstack_does(path: Path, players: Cloud):
    check(path, players)
