"""Which operations were called with success, and by whom: the column "tested by" of docs/compatibility.md.

    python tests/reached.py check                     what docs/tested-by.txt says of suites that have just run is true
    python tests/reached.py keep                      write what they and other clients reached into docs/tested-by.txt
    python tests/reached.py emulate WHO [OPTION...]   `monostack dev` that notes what WHO reaches, such as Tempest

Suites note what they reach in build/test/reached, a file for each process, when MONOSTACK_REACHED says who they are.
"""

import os
import sys
from pathlib import Path

from monostack.app import SERVICES
from monostack.cli import main
from monostack.cli.compatibility import Operation, operation, operations, read
from monostack.http import Request, Response
from monostack.http.app import HttpApp

ROOT = Path(__file__).parents[1]
NOTED = ROOT / "build" / "test" / "reached"
KEPT = ROOT / "docs" / "tested-by.txt"

_reached: set[Operation] = set()


def note(request: Request, response: Response) -> None:
    """Count an answer, if it is what was asked for."""
    route = request.route
    if route is None or response.status >= 400 or request.method == "HEAD":
        return
    action = None
    if route.actions:
        name = next(iter(request.body))
        action = next(one for one in route.actions[name] if one.serves(request.microversion))
    _reached.add(operation(request.service, route, action))


def write(who: str) -> None:
    """What this process noted."""
    NOTED.mkdir(parents=True, exist_ok=True)
    (NOTED / f"{who}.{os.getpid()}").write_text("".join(f"{one}\n" for one in sorted(_reached)))


def found() -> dict[str, set[str]]:
    """Lines of operations by who reached them."""
    lines: dict[str, set[str]] = {}
    for path in NOTED.glob("*.*"):
        lines.setdefault(path.name.partition(".")[0], set()).update(path.read_text().splitlines())
    return lines


def check() -> list[str]:
    """What is said and not true."""
    kept, now = read(KEPT.read_text()), found()
    said = {who: [line for line, callers in kept.items() if who in callers] for who in now}
    return [f"{line}: {who} did not call it" for who, lines in said.items() for line in lines if line not in now[who]]


def keep() -> None:
    """Suites that did not run keep what was said of them."""
    kept, now = read(KEPT.read_text()) if KEPT.exists() else {}, found()
    lines: list[str] = []
    for line in (str(one) for service in SERVICES for one in operations(service)):
        who = {who for who in kept.get(line, ()) if who not in now} | {who for who, reached in now.items() if line in reached}
        if who:
            lines.append(f"{line}: {' '.join(sorted(who, key=str.swapcase))}\n")
    KEPT.write_text("".join(lines))


def emulate(who: str, options: list[str]) -> int:
    answer = HttpApp._answer

    async def noted(self: HttpApp, request: Request) -> Response:
        response = await answer(self, request)
        note(request, response)
        return response

    HttpApp._answer = noted
    try:
        return main(["dev", *options])
    finally:
        if _reached:  # an emulator that did not start says nothing of what it was asked before
            write(who)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["check"]:
            wrong = check()
            print(*wrong, sep="\n")
            sys.exit(bool(wrong))
        case ["keep"]:
            keep()
        case ["emulate", who, *options]:
            sys.exit(emulate(who, options))
        case _:
            sys.exit(__doc__)
