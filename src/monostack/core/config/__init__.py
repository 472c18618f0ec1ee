"""The one configuration: declared in `options`, read by `load`, documented by `reference`.

`load()` returns a frozen `Config` in which every default is filled in: `config.api.port`, `config.database.url`.
Tests write `load(environ={}, flags={"state_dir": str(tmp_path), "api.port": 0})`.
"""

from monostack.core.config.options import Config, ExternalNetwork, SecurityCompliance
from monostack.core.config.sources import FILE_VARIABLE, OPTIONS, ConfigError, Option, load, public_url

__all__ = ["FILE_VARIABLE", "OPTIONS", "Config", "ConfigError", "ExternalNetwork", "Option", "SecurityCompliance", "load", "public_url"]
