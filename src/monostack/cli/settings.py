"""Flags for every option of the configuration, and what the agent is told of it."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monostack.core.config import OPTIONS, Config, load


def add_flags(parser: argparse.ArgumentParser) -> None:
    """--config, --state-dir and one flag an option, as docs/configuration.md lists them."""
    parser.add_argument("--config", metavar="FILE", help="configuration file (TOML)")
    group = parser.add_argument_group("options of the configuration")
    for option in OPTIONS.values():
        group.add_argument(option.flag, dest=f"option:{option.name}", metavar="VALUE", help=argparse.SUPPRESS)


def given_flags(args: argparse.Namespace) -> dict[str, Any]:
    """The options that were given as flags, by name."""
    return {name[7:]: value for name, value in vars(args).items() if name.startswith("option:") and value is not None}


def config_of(args: argparse.Namespace, defaults: Mapping[str, Any] | None = None, **more: Any) -> Config:
    """The configuration a command runs with: it may have defaults of its own, and `more` flags. Raises ConfigError."""
    return load(args.config, flags={**more, **given_flags(args)}, defaults=defaults)


def passed_on(args: argparse.Namespace) -> list[str]:
    """The same settings as words of a command line, for a process that is started with them."""
    words = ["--config", args.config] if args.config else []
    for name, value in given_flags(args).items():
        words += [OPTIONS[name].flag, str(value)]
    return words


def agent_config(config: Config) -> Any:
    """What this host's agent is told."""
    from monostack.agent.capacity import network_capacity
    from monostack.agent.config import AgentConfig, ExternalNetwork, PacketLog

    state, log = Path(config.state_dir), config.agent.network_log
    return AgentConfig(
        host=config.agent.host,
        controller_url=config.agent.controller,
        state_dir=str(state / "agent"),
        tls_dir=str(state / "agent" / "tls"),
        image_dir=config.agent.image_dir,
        accelerator=config.agent.accelerator,
        volume_backend=config.agent.volume_backend,
        volume_pools=config.agent.volume_pools,
        reserved_memory_mib=0,  # placement keeps the reservation (scheduler.reserved_host_memory_mb)
        external_networks={
            name: ExternalNetwork(network.bridge, network.address, network.masquerade)
            for name, network in config.agent.external_networks.items()
        },
        packet_log=PacketLog(log.local_output_log_base or None, log.rate_limit, log.burst_limit, log.max_bytes),
        network_capacity=network_capacity(config.agent),
    )


def cloud_url(config: Config) -> str:
    """Where the running cloud answers: what the controller wrote down when it started, else what is configured."""
    written = Path(config.state_dir) / "url"
    return written.read_text().strip() if written.exists() else config.api.public_url


def admin_password(config: Config) -> str:
    """The generated password of the user admin. Raises FileNotFoundError before the first start."""
    return (Path(config.state_dir) / "admin-password").read_text().strip()
