"""Runs operations: step by step, each step's record committed with what it changed; resumes or unwinds them after a crash.

One engine per controller process. It owns an operation while it renews its lease; every write is fenced by (owner, attempt), so a
process that lost its lease can change nothing any more.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from monostack.core import clock, ids
from monostack.db import Database, Transaction
from monostack.operations import store
from monostack.operations.workflow import Run, Step, StepError, Workflow

log = logging.getLogger(__name__)

CLAIM_AT_ONCE = 64
UNDO_TRIES = 5  # then the reconcilers, which remove whatever no row asks for, finish the work


class Fenced(Exception):
    """Another owner has the operation now."""


class Engine:
    """`lease` in seconds. `exclusive`: no other controller can exist (SQLite), so what a dead process left is taken over at once."""

    def __init__(
        self, db: Database, workflows: Iterable[Workflow], cloud: Any = None, *, lease: float = 15.0, exclusive: bool = True
    ) -> None:
        self.db = db
        self.cloud = cloud
        self.lease = lease
        self.exclusive = exclusive
        self.name = ids.new_uuid()
        self._workflows = {w.name: w for w in workflows}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._current: dict[str, asyncio.Task[Any]] = {}  # the step of an operation that may be interrupted
        self._interrupted: set[str] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()
        self._stopping = False

    def workflow(self, name: str) -> Workflow:
        return self._workflows[name]

    @property
    def running(self) -> int:
        """Operations this process is working on."""
        return len(self._tasks)

    # --- life --------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Take over what earlier processes left, and begin to look for work."""
        if self.exclusive:
            await self.db.write(lambda tx: tx.execute(store.RELEASE_ALL))
        self._loops = [asyncio.create_task(self._renew_leases()), asyncio.create_task(self._look_for_work())]

    async def close(self) -> None:
        """Stop working. Operations under way stay as their last commit left them; whoever opens next goes on."""
        self._stopping = True
        tasks = [*self._loops, *self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.db.write(lambda tx: tx.execute(store.RELEASE_MINE, {"me": self.name}))

    async def settle(self) -> None:
        """Wait until no operation is under way here (tests, orderly shutdown)."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))
            await asyncio.sleep(0)

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(self.lease / 3)
            try:
                await self.db.write(lambda tx: tx.execute(store.RENEW, {"me": self.name, "until": store.now(tx) + self.lease}))
            except Exception:
                log.exception("could not renew the leases of operations; trying again")

    async def _look_for_work(self) -> None:
        while True:
            try:
                await self._claim_all()
            except Exception:
                log.exception("could not look for operations to run; trying again")
            try:
                async with asyncio.timeout(self.lease / 5):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()

    async def _claim_all(self) -> None:
        def claimable(tx: Transaction) -> list[str]:
            rows = tx.rows(store.CLAIMABLE, {"now": store.now(tx), "many": CLAIM_AT_ONCE + len(self._tasks)})
            return [row[0] for row in rows]

        for operation_id in await self.db.read(claimable):
            if operation_id not in self._tasks:
                row = await self.db.write(lambda tx, id=operation_id: self._claim(tx, id))
                if row is not None:
                    self.launch(row)

    def _claim(self, tx: Transaction, operation_id: str) -> Mapping[str, Any] | None:
        at = store.now(tx)
        row = tx.row(store.CLAIM, {"the_id": operation_id, "me": self.name, "now": at, "until": at + self.lease})
        return None if row is None else dict(zip(store.operations.columns.keys(), row, strict=True))

    def launch(self, row: Mapping[str, Any]) -> None:
        """Begin to run an operation this process has just claimed. On the event loop."""
        if self._stopping or row["id"] in self._tasks:
            return
        task = asyncio.get_running_loop().create_task(self._run(row))
        self._tasks[row["id"]] = task
        task.add_done_callback(lambda _: self._ended(row["id"]))

    def _ended(self, operation_id: str) -> None:
        del self._tasks[operation_id]
        self._interrupted.discard(operation_id)
        self._wake.set()  # the next operation on the same resource may start

    def interrupt(self, operation_ids: Iterable[str]) -> None:
        """Break off the current step of cancelled operations; they then unwind."""
        for operation_id in operation_ids:
            if operation_id in self._tasks:
                self._interrupted.add(operation_id)
            step = self._current.get(operation_id)
            if step is not None:
                step.cancel()

    # --- running -----------------------------------------------------------------------------------------------------

    async def _run(self, row: Mapping[str, Any]) -> None:
        fields = ("id", "workflow", "resource_id", "project_id", "user_id", "request_id", "attempt", "step")
        run = Run(
            **{name: row[name] for name in fields},
            input=dict(row["input"]),
            data=dict(row["data"]),
            error=row.get("error"),
            cloud=self.cloud,
        )
        workflow = self._workflows.get(run.workflow)
        if workflow is None:
            log.error("operation %s wants the workflow %s, which this version does not have", run.id, run.workflow)
            return
        workflow = workflow.for_input(run.input)
        try:
            if row["state"] == "running" and await self._forward(run, workflow):
                return
            await self._backward(run, workflow)
        except Fenced:
            log.warning("operation %s (%s) was taken over by another controller", run.id, run.workflow)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("operation %s (%s) broke off; it will be resumed", run.id, run.workflow)
            await self._release(run)

    async def _release(self, run: Run) -> None:
        """Give the operation back, so that the search for work finds it and it is tried again."""
        while True:
            await asyncio.sleep(1)
            try:
                await self.db.write(lambda tx: self._fenced(tx, store.RELEASE, run))
                return
            except Fenced:
                return
            except Exception:
                log.exception("could not give back operation %s; trying again", run.id)

    async def _forward(self, run: Run, workflow: Workflow) -> bool:
        """Run the remaining steps. True if the operation ended, False if it is to be unwound."""
        while run.step < len(workflow.steps):
            step = workflow.steps[run.step]
            try:
                if await self.db.read(lambda tx: bool(tx.scalar(store.IS_CANCELLED, {"the_id": run.id}))):
                    raise StepError("The operation was cancelled.", kind="cancelled")
                result = await self._attempt(run, step)
                if result:
                    run.data.update(result)
                await self.db.write(lambda tx, step=step: self._advance(run, workflow, step, tx))
            except StepError as error:
                run.error = {"message": error.message, "kind": error.kind, "step": step.name}
                if not workflow.unwind:
                    await self.db.write(lambda tx: self._end(run, workflow, tx, "failed"))
                    return True
                await self.db.write(lambda tx: self._fenced(tx, store.UNWIND, run, the_step=run.step, the_error=run.error))
                return False
            run.step += 1
        if not workflow.steps:
            await self.db.write(lambda tx: self._end(run, workflow, tx, "done"))
        return True

    async def _attempt(self, run: Run, step: Step) -> Mapping[str, Any] | None:
        """Try a step until it succeeds, fails for good or has been tried often enough. Raises StepError."""
        for attempt in range(1, step.tries + 1):
            task = asyncio.ensure_future(step.do(run))
            self._current[run.id] = task
            try:
                async with asyncio.timeout(step.timeout):
                    return await task
            except TimeoutError:
                error = StepError(f"{step.name} did not finish in {step.timeout:g} seconds.", kind="timeout", retry=True)
            except asyncio.CancelledError:
                if self._stopping or not task.cancelled():
                    raise
                raise StepError("The operation was cancelled.", kind="cancelled") from None
            except StepError as raised:
                error = raised
            except Exception as raised:
                log.exception("step %s of operation %s failed", step.name, run.id)
                error = StepError(f"{step.name} failed unexpectedly: {type(raised).__name__}.", kind="bug")
            finally:
                self._current.pop(run.id, None)
            if not error.retry or attempt == step.tries:
                raise error
            await asyncio.sleep(min(0.2 * 2**attempt, 10))
            if run.id in self._interrupted:
                raise StepError("The operation was cancelled.", kind="cancelled")
        raise AssertionError("a step has at least one try")

    async def _backward(self, run: Run, workflow: Workflow) -> None:
        """Undo from the step that failed down to the first, then end."""
        while run.step >= 0:
            step = workflow.steps[run.step]
            if step.undo is not None:
                await self._undo(run, step)
            run.step -= 1
            if run.step >= 0:
                await self.db.write(lambda tx, step=step: self._retreat(run, step, tx))
        first = workflow.steps[0]
        await self.db.write(lambda tx: self._end(run, workflow, tx, "failed", first))

    async def _undo(self, run: Run, step: Step) -> None:
        assert step.undo is not None
        for attempt in range(1, UNDO_TRIES + 1):
            try:
                async with asyncio.timeout(step.timeout):
                    await step.undo(run)
                return
            except Exception as error:  # noqa: BLE001 - an undo that fails must not keep the others from being undone
                log.warning("undoing %s of operation %s failed (%d of %d): %s", step.name, run.id, attempt, UNDO_TRIES, error)
                await asyncio.sleep(min(0.2 * 2**attempt, 5))

    # --- commits -----------------------------------------------------------------------------------------------------

    def _fenced(self, tx: Transaction, statement: Any, run: Run, **params: Any) -> None:
        changed = tx.execute(statement, {"the_id": run.id, "me": self.name, "the_attempt": run.attempt, **params})
        if changed.rowcount != 1:
            raise Fenced(run.id)

    def _advance(self, run: Run, workflow: Workflow, step: Step, tx: Transaction) -> None:
        if step.commit is not None:
            step.commit(run, tx)
        if run.step + 1 == len(workflow.steps):
            self._end(run, workflow, tx, "done")
        else:
            self._fenced(tx, store.ADVANCE, run, the_step=run.step + 1, the_data=run.data, the_state="running")

    def _retreat(self, run: Run, step: Step, tx: Transaction) -> None:
        if step.uncommit is not None:
            step.uncommit(run, tx)
        self._fenced(tx, store.ADVANCE, run, the_step=run.step, the_data=run.data, the_state="undoing")

    def _end(self, run: Run, workflow: Workflow, tx: Transaction, state: str, unwound: Step | None = None) -> None:
        if unwound is not None and unwound.uncommit is not None:
            unwound.uncommit(run, tx)
        if state == "done" and workflow.done is not None:
            workflow.done(run, tx)
        if state == "failed" and workflow.failed is not None:
            workflow.failed(run, tx, run.error or {"message": "The operation failed.", "kind": "failed"})
        self._fenced(tx, store.END, run, the_step=run.step, the_data=run.data, the_state=state, the_error=run.error, the_end=clock.now())
