"""Records how a real OpenStack answers the scenarios, so that the comparison needs none afterwards.

    python tests/api/differential/record.py http://127.0.0.1:5000/v3 PASSWORD [scenario.yaml ...]

The cloud must have the users admin (project admin), demo (member) and reader (reader) of project demo, with that password. Answers go to
recorded/<scenario>.json. A step whose status is not the one it expects is an error: then the scenario is wrong, not the cloud. Scenarios in
configured/ are recorded when they are named, from a cloud that has the options they say.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from player import Cloud, Player, User, load  # noqa: E402


def main() -> int:
    auth_url, password, *names = sys.argv[1:]
    users = {"admin": User("admin", password, "admin"), "demo": User("demo", password, "demo"), "reader": User("reader", password, "demo")}
    cloud = Cloud(auth_url, users)
    wrong = 0
    for path in [Path(name) for name in names] or sorted(HERE.glob("*.yaml")):
        player = Player(cloud)
        answers = []
        for step in load(path):
            answer = player.play(step)
            expected = step.get("expect", answer["status"])
            if answer["status"] not in (expected if isinstance(expected, list) else [expected]):
                wrong += 1
                print(f"{path.name}: {step.get('name')}: expected {expected}, got {answer['status']}: {answer['body']}")
            answers.append({"step": f"{step.get('method', 'GET')} {step['service']} {step['path']}", **answer})
        target = path.parent / "recorded" / f"{path.stem}.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(answers, indent=1, sort_keys=True) + "\n")
        print(f"{path.name}: {len(answers)} answers recorded")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
