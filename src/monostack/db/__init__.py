"""State: one engine over SQLite and PostgreSQL, transactions as plain functions, column types, migrations."""

from monostack.db.columns import Flag, Id, Json, Name, Timestamp, metadata, table
from monostack.db.engine import Database, Transaction
from monostack.db.statements import Row, Select

__all__ = ["Database", "Flag", "Id", "Json", "Name", "Row", "Select", "Timestamp", "Transaction", "metadata", "table"]
