"""What the demo is doing, and for how long: one line a stage, alive while it works."""

import sys
import time

WIDTH = 34  # of a stage's title
EVERY = 0.2  # seconds between two looks at the clock on a terminal


class Progress:
    """Prints stages as they begin, wait and end, and remembers how long each took."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, float]] = []
        self._live = sys.stdout.isatty()
        self._title = ""
        self._began = 0.0
        self._shown = 0.0
        self._told = ""

    def begin(self, title: str) -> None:
        self._title, self._began, self._told = title, time.monotonic(), ""
        print(f"{title:<{WIDTH}}", end="", flush=True)

    def wait(self, what: str) -> None:
        """Say what is waited for: on a terminal with the seconds so far, elsewhere once."""
        now = time.monotonic()
        if self._live and now - self._shown >= EVERY:
            self._shown = now
            print(f"\r\x1b[K{self._title:<{WIDTH}}{what}, {now - self._began:.0f} s", end="", flush=True)
        elif not self._live and what != self._told:
            print(f"{what} ... ", end="", flush=True)
        self._told = what

    def end(self, result: str) -> None:
        took = time.monotonic() - self._began
        self.stages.append((self._title, took))
        start = f"\r\x1b[K{self._title:<{WIDTH}}" if self._live else ""
        print(f"{start}{result} ({took:.1f} s)", flush=True)

    def stop(self) -> None:
        """The stage did not end well: leave its line."""
        print(flush=True)

    def table(self) -> str:
        """How long each stage took."""
        return "\n".join(f"  {title:<{WIDTH}}{took:6.1f} s" for title, took in self.stages)
