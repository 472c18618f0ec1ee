"""Writes docs/configuration.md from the declarations: `python -m monostack.core.config.reference`."""

import sys
from typing import Any

import msgspec
from msgspec import inspect

from monostack.core.config.options import Config, Section
from monostack.core.config.sources import FILE_VARIABLE, SYSTEM_FILE, Option, options, subsections

_HEAD = f"""# Configuration

<!-- Generated from src/monostack/core/config/options.py by `make docs`. Change the declarations, not this file. -->

Nothing needs to be configured. What is, comes from one TOML file (`--config FILE`, else `${FILE_VARIABLE}`, else
`{SYSTEM_FILE}`), from the environment over it, and from flags over both. An option `port` of section `[api]` is
`MONOSTACK_API_PORT` in the environment and `--api-port` as a flag. A name that does not exist is an error that tells
the nearest one. In the environment and in flags a table or a list is written as in TOML.

```toml
region = "Zürich"

[api]
bind = "0.0.0.0"
public_url = "https://cloud.example.org"

[database]
url = "postgresql+psycopg://monostack@db.example.org/monostack"

[agent.external_networks]
public = {{ bridge = "br-public", address = "203.0.113.1/24" }}
```
"""


def render() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_section(Config, "")]).rstrip() + "\n"


def _section(section: type[Section], prefix: str) -> list[str]:
    lines: list[str] = []
    own = [option for option in options(section, prefix) if "." not in option.name.removeprefix(prefix)]
    if own:
        lines += [f"## [{prefix.rstrip('.')}]" if prefix else "## Top level", ""]
        if prefix:
            lines += [" ".join((section.__doc__ or "").split()), ""]
        lines += ["| option | type | default | meaning |", "|---|---|---|---|"]
        lines += [_row(option, prefix) for option in own] + [""]
    for name, inner in subsections(section).items():
        lines += _section(inner, f"{prefix}{name}.")
    return lines


def _row(option: Option, prefix: str) -> str:
    default = option.default_text or f"`{_literal(option.default)}`"
    return f"| `{option.name.removeprefix(prefix)}` | {_type(option.type)} | {default} | {option.text} |"


def _literal(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _type(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata():
            return _type(kind.type)
        case inspect.LiteralType():
            return ", ".join(f"`{value}`" for value in kind.values)
        case inspect.UnionType():
            return ", ".join(_type(one) for one in kind.types if not isinstance(one, inspect.NoneType))
        case inspect.DictType():
            return "table"
        case inspect.ListType():
            return f"list of {_items(kind.item_type)}"
        case inspect.BoolType():
            return "true, false"
        case inspect.IntType():
            return "integer" + _limits(kind)
        case inspect.FloatType():
            return "number" + _limits(kind)
        case inspect.StrType():
            return "text"
        case _:
            raise TypeError(f"no word for {kind}")


def _items(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata():
            return _items(kind.type)
        case inspect.LiteralType():
            return "names"
        case inspect.IntType():
            return "numbers"
        case _:
            return "texts"


def _limits(kind: inspect.IntType | inspect.FloatType) -> str:
    low = f" from {kind.ge}" if kind.ge is not None else f" above {kind.gt}" if kind.gt is not None else ""
    return low + (f" to {kind.le}" if kind.le is not None else "")


if __name__ == "__main__":
    sys.stdout.write(render())
