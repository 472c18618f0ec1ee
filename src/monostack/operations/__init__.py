"""Durable operations: what a request sets in motion survives any crash, ends, and leaves nothing behind.

A handler writes the desired state and calls `start` in its transaction; the engine then runs the workflow step by step.
"""

from monostack.operations.engine import Engine
from monostack.operations.store import cancel, start
from monostack.operations.workflow import Run, Step, StepError, Workflow

__all__ = ["Engine", "Run", "Step", "StepError", "Workflow", "cancel", "start"]
