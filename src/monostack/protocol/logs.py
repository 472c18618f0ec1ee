"""Commands `log.*` about what an agent writes down of itself.

| command       | args        | result                              |
|---------------|-------------|-------------------------------------|
| log.levels    | Loggers     | {"levels": {name of logger: level}} |
| log.set_level | LoggerLevel | {}                                  |
"""

from typing import Literal

import msgspec


class Loggers(msgspec.Struct):
    prefix: str  # of their names


class LoggerLevel(msgspec.Struct):
    prefix: str
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
