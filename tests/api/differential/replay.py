"""Plays a scenario and compares every answer with the one that was recorded (record.py)."""

import json
from pathlib import Path

from compare import Comparison
from player import Cloud, Player, load


def check(path: Path, players: Cloud) -> None:
    """Fails with all differences of a scenario."""
    recorded = json.loads((path.parent / "recorded" / f"{path.stem}.json").read_text())
    steps = load(path)
    assert len(steps) == len(recorded), "the scenario changed: record it again"
    player = Player(players)
    differences = []
    for number, (step, there) in enumerate(zip(steps, recorded, strict=True), 1):
        found = Comparison(step, there, player.play(step)).differences
        differences += [f"step {number} ({step.get('name') or step['path']}): {text}" for text in found]
    assert not differences, "\n" + "\n".join(differences)
