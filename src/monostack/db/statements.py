"""Statements and their rows, of whichever columns, as annotations name them."""

from typing import Any

import sqlalchemy as sa

Row = sa.Row[*tuple[Any, ...]]
Select = sa.Select[*tuple[Any, ...]]
