"""What a workflow is: a table of steps, each with its do and its undo.

    BOOT_SERVER = Workflow("boot_server", (
        Step("wire_ports", do=wire_ports),
        Step("create_guest", do=create_guest, undo=destroy_guest, timeout=600),
    ), done=mark_active, failed=mark_error)

`do` and `undo` run at least once, so they are idempotent; `undo` must cope with a `do` that happened not at all, half or wholly. `commit`
runs in the transaction that records the step, with what `do` returned; `done` in the one that ends the operation, after the last step;
`failed` in the one that ends an unwound operation, with the error that caused it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from monostack.db import Transaction


@dataclass(slots=True)
class Run:
    """One run of a workflow, as its steps see it. `input` was given at the start; `data` gathers what the steps returned."""

    id: str
    workflow: str
    resource_id: str
    project_id: str | None
    user_id: str | None
    request_id: str | None
    input: dict[str, Any]
    data: dict[str, Any]
    cloud: Any
    attempt: int = 1
    step: int = 0
    error: dict[str, Any] | None = None

    def command_id(self, name: str) -> str:
        """The id an agent command of this run carries: the same when it is asked again."""
        return f"{self.id}:{name}"


Do = Callable[[Run], Awaitable[Mapping[str, Any] | None]]
Undo = Callable[[Run], Awaitable[None]]
Commit = Callable[[Run, Transaction], None]
Failed = Callable[[Run, Transaction, dict[str, Any]], None]


class StepError(Exception):
    """A step did not succeed. `retry`: the same step may succeed later. The message is shown to the owner of the resource."""

    def __init__(self, message: str, *, kind: str = "failed", retry: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.retry = retry


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `timeout` in seconds bounds each try of `do` and `undo`; a timed-out try counts as unknown and is tried again."""

    name: str
    do: Do
    undo: Undo | None = None
    commit: Commit | None = None
    uncommit: Commit | None = None
    timeout: float = 120.0
    tries: int = 3
    when: Callable[[dict[str, Any]], bool] | None = None  # of the run's input: False leaves the step out


@dataclass(frozen=True, slots=True)
class Workflow:
    name: str
    steps: tuple[Step, ...]
    done: Commit | None = None
    failed: Failed | None = None
    unwind: bool = True  # False: a failed step ends the operation where it stands (deletes go forward or stay)
    doc: str = field(default="", compare=False)

    def for_input(self, given: dict[str, Any]) -> "Workflow":
        """The workflow with the steps that this input needs: always the same ones, since the input never changes."""
        if all(step.when is None for step in self.steps):
            return self
        return replace(self, steps=tuple(step for step in self.steps if step.when is None or step.when(given)))
