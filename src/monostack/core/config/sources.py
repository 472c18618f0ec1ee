"""Reads the configuration: one TOML file, the environment over it, flags over both."""

import difflib
import os
import re
import socket
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import inspect

from monostack.core.config.options import Config, Section

SYSTEM_FILE = "/etc/monostack/monostack.toml"
FILE_VARIABLE = "MONOSTACK_CONFIG"
PREFIX = "MONOSTACK_"


class ConfigError(Exception):
    """The configuration cannot be used. The message says where the mistake is and what to write instead."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option as its declaration has it. `name` is dotted: `api.port`."""

    name: str
    type: inspect.Type
    default: Any
    text: str
    default_text: str | None

    @property
    def variable(self) -> str:
        return PREFIX + self.name.replace(".", "_").upper()

    @property
    def flag(self) -> str:
        return "--" + self.name.replace(".", "-").replace("_", "-")


def options(section: type[Section] = Config, prefix: str = "") -> Iterator[Option]:
    """All options in the order of their declaration, nested sections after the section's own."""
    inner = subsections(section)
    for field in msgspec.structs.fields(section):
        if field.name in inner:
            continue
        default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        yield _option(prefix + field.name, inspect.type_info(field.type), default)
    for name, nested in inner.items():
        yield from options(nested, f"{prefix}{name}.")


def _option(name: str, declared: Any, default: Any) -> Option:
    if not getattr(declared, "extra_json_schema", None):
        raise TypeError(f"{name} is declared without a meaning")
    in_words = declared.extra["default"] if declared.extra else None
    return Option(name, declared.type, default, declared.extra_json_schema["description"], in_words)


def subsections(section: type[Section]) -> dict[str, type[Section]]:
    """The sections directly inside a section, by name."""
    fields = {field.name: field.type for field in msgspec.structs.fields(section)}
    return {name: kind for name, kind in fields.items() if isinstance(kind, type) and issubclass(kind, Section)}


def _sections(section: type[Section] = Config, prefix: str = "") -> Iterator[str]:
    for name, inner in subsections(section).items():
        yield prefix + name
        yield from _sections(inner, f"{prefix}{name}.")


OPTIONS: dict[str, Option] = {option.name: option for option in options()}
SECTIONS: frozenset[str] = frozenset(_sections())
_VARIABLES = {option.variable: option for option in OPTIONS.values()}


def load(
    path: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Config:
    """The configuration with every default filled in.

    `path` is the file (--config); without it $MONOSTACK_CONFIG, else /etc/monostack/monostack.toml if that exists. `flags` and `defaults`,
    which stand in for those declared, have values by dotted option name, text or already of the option's type. Raises ConfigError.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = dict(defaults or {})
    path = path or environ.get(FILE_VARIABLE) or (SYSTEM_FILE if os.path.exists(SYSTEM_FILE) else None)
    if path:
        _read_file(path, values)
    _read_environment(environ, values)
    for name, value in (flags or {}).items():
        option = OPTIONS.get(name)
        if option is None:
            raise ConfigError(f"there is no option {name}{_nearest(name, OPTIONS)}")
        values[name] = _convert(option, value, f"flag {option.flag}")
    return _derive(_assemble(values))


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    found = difflib.get_close_matches(name, known, 1, 0.5)
    return f"; did you mean {found[0]}?" if found else "; docs/configuration.md lists all options"


def _read_file(path: str, values: dict[str, Any]) -> None:
    try:
        with open(path, "rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"cannot read the configuration file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    _read_table(content, "", path, values)


def _read_table(table: Mapping[str, Any], prefix: str, path: str, values: dict[str, Any]) -> None:
    for key, value in table.items():
        name = prefix + key
        if name in SECTIONS:
            if not isinstance(value, dict):
                raise ConfigError(f"{path}: {name} is a section: write [{name}] and its options below")
            _read_table(cast("dict[str, Any]", value), name + ".", path, values)
        elif name in OPTIONS:
            values[name] = _convert(OPTIONS[name], value, f"{path}: {name}")
        else:
            raise ConfigError(f"{path}: there is no option {name}{_nearest(name, {**OPTIONS, **dict.fromkeys(SECTIONS)})}")


def _read_environment(environ: Mapping[str, str], values: dict[str, Any]) -> None:
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or variable == FILE_VARIABLE:
            continue
        option = _VARIABLES.get(variable)
        if option is None:
            raise ConfigError(f"environment: there is no option {variable}{_nearest(variable, _VARIABLES)}")
        values[option.name] = _convert(option, value, f"environment: {variable}")


def _convert(option: Option, value: Any, where: str) -> Any:
    """Checks a value against its declaration. Text for a table or a list is TOML, as in `{ public = { bridge = "br-public" } }`."""
    text = isinstance(value, str)
    if text and isinstance(option.type, inspect.DictType | inspect.ListType):
        try:
            value = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{where}: not TOML: {error}") from error
    field = option.name.rpartition(".")
    try:
        checked = msgspec.convert(_nest(field[0], {field[2]: value}), Config, strict=not text)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {str(error).partition(' - at ')[0].partition(', got')[0]}, got {value!r}") from error
    for part in option.name.split("."):
        checked = getattr(checked, part)
    return checked


def _nest(section: str, content: dict[str, Any]) -> dict[str, Any]:
    for part in reversed(section.split(".") if section else []):
        content = {part: content}
    return content


def _assemble(values: Mapping[str, Any], section: type[Section] = Config, prefix: str = "") -> Any:
    content: dict[str, Any] = {name: _assemble(values, inner, f"{prefix}{name}.") for name, inner in subsections(section).items()}
    content |= {field: values[prefix + field] for field in section.__struct_fields__ if prefix + field in values}
    return section(**content)


def _derive(config: Config) -> Config:
    """Fills in the defaults that depend on the machine or on other options."""
    replace = msgspec.structs.replace
    state = config.state_dir or ("/var/lib/monostack" if os.geteuid() == 0 else "~/.local/share/monostack")
    state = str(Path(state).expanduser().absolute())
    api, agent = config.api, config.agent
    if (api.tls_certificate is None) != (api.tls_key is None):
        raise ConfigError("api.tls_certificate and api.tls_key belong together: set both or neither")
    capacity = agent.capacity
    if capacity.packet_rate_kpps and (capacity.packet_rate_egress_kpps or capacity.packet_rate_ingress_kpps):
        raise ConfigError("agent.capacity.packet_rate_kpps counts packets of both directions: set it, or one for each direction")
    _check_pattern(config.security_compliance.password_regex)
    images = config.image.directory or f"{state}/images"
    return replace(
        config,
        state_dir=state,
        policy_file=config.policy_file or ("/etc/monostack/policy.yaml" if os.path.exists("/etc/monostack/policy.yaml") else None),
        api=replace(api, public_url=api.public_url.rstrip("/") or public_url(config, api.port)),
        database=replace(config.database, url=config.database.url or f"sqlite:///{state}/monostack.db"),
        image=replace(config.image, directory=images),
        agent=replace(
            agent,
            controller=agent.controller or f"wss://{_authority(agent.listen, agent.port)}",
            host=agent.host or socket.gethostname(),
            image_dir=agent.image_dir or images,
        ),
    )


def _check_pattern(pattern: str | None) -> None:
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise ConfigError(f"security_compliance.password_regex is no regular expression: {error}") from error


def public_url(config: Config, port: int) -> str:
    """The URL of an API that is bound to `port` when the configuration names none."""
    return f"{'https' if config.api.tls_certificate else 'http'}://{_authority(config.api.bind, port)}"


def _authority(address: str, port: int) -> str:
    """host:port as a client on this machine writes it: a wildcard address becomes the loopback's."""
    address = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(address, address)
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
