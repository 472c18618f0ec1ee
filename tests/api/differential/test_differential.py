"""Every scenario gets the answers the real OpenStack gave when it was recorded (record.py)."""

import json
from pathlib import Path

import pytest
from compare import Comparison
from player import Cloud, Player, User, load

HERE = Path(__file__).parent
SCENARIOS = sorted(HERE.glob("*.yaml"))


@pytest.fixture(scope="module")
def players(cloud):
    users = {"admin": User("admin", cloud.admin_password, "admin")}
    for name in ("demo", "reader"):
        client = getattr(cloud, name)
        users[name] = User(name, client.password, client.project)
    return Cloud(f"{cloud.url}/identity/v3", users)


@pytest.mark.parametrize("path", SCENARIOS, ids=[path.stem for path in SCENARIOS])
def test_answers_as_openstack_does(path: Path, players: Cloud):
    recorded = json.loads((HERE / "recorded" / f"{path.stem}.json").read_text())
    steps = load(path)
    assert len(steps) == len(recorded), "the scenario changed: record it again"
    player = Player(players)
    differences = []
    for number, (step, there) in enumerate(zip(steps, recorded, strict=True), 1):
        found = Comparison(step, there, player.play(step)).differences
        differences += [f"step {number} ({step.get('name') or step['path']}): {text}" for text in found]
    assert not differences, "\n" + "\n".join(differences)
