"""The configuration: precedence, checks that name the mistake, derived defaults, and the generated page."""

from pathlib import Path

import pytest

from monostack.cli.settings import agent_config
from monostack.core import config
from monostack.core.config import reference

ROOT = Path(__file__).parents[2]


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "monostack.toml"
    path.write_text(text)
    return str(path)


def test_flags_win_over_environment_over_file_over_default(tmp_path: Path) -> None:
    path = write(tmp_path, 'region = "file"\n[api]\nport = 1\nbind = "::1"\nmax_body = 2048\n')
    loaded = config.load(path, environ={"MONOSTACK_API_PORT": "2", "MONOSTACK_API_BIND": "127.0.0.2"}, flags={"api.port": "3"})
    assert (loaded.api.port, loaded.api.bind, loaded.api.max_body, loaded.region) == (3, "127.0.0.2", 2048, "file")
    assert loaded.identity.token_lifetime == 3600


def test_a_commands_own_defaults_stand_in_for_those_declared(tmp_path: Path) -> None:
    path = write(tmp_path, "[api]\nport = 1\n")
    loaded = config.load(path, environ={}, defaults={"api.port": 2, "region": "own"})
    assert (loaded.api.port, loaded.region) == (1, "own")


def test_file_is_named_by_the_environment(tmp_path: Path) -> None:
    path = write(tmp_path, 'region = "here"\n')
    assert config.load(environ={"MONOSTACK_CONFIG": path}).region == "here"


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    loaded = config.load(environ={}, flags={"state_dir": str(tmp_path), "api.bind": "0.0.0.0"})
    assert loaded.database.url == f"sqlite:///{tmp_path}/monostack.db"
    assert loaded.image.directory == loaded.agent.image_dir == f"{tmp_path}/images"
    assert loaded.api.public_url == "http://127.0.0.1:8780"
    assert loaded.agent.controller == "wss://127.0.0.1:8781"
    assert loaded.agent.host
    assert loaded.agent.external_networks["public"].bridge == "br-public"


def test_an_agent_is_told_how_to_log_packets(tmp_path: Path) -> None:
    path = write(tmp_path, '[agent.network_log]\nrate_limit = 500\nlocal_output_log_base = "/var/log/packets"\n')
    told = agent_config(config.load(path, environ={})).packet_log
    assert (told.file, told.rate_limit, told.burst_limit) == ("/var/log/packets", 500, 25)


def test_public_url_knows_tls_and_ipv6() -> None:
    loaded = config.load(environ={}, flags={"api.bind": "::", "api.tls_certificate": "c.pem", "api.tls_key": "k.pem"})
    assert loaded.api.public_url == "https://[::1]:8780"
    named = config.load(environ={}, flags={"api.public_url": "https://cloud.example.org/"})
    assert named.api.public_url == "https://cloud.example.org"


def test_tables_in_the_environment_are_toml() -> None:
    loaded = config.load(environ={"MONOSTACK_AGENT_EXTERNAL_NETWORKS": '{ lab = { bridge = "br0", masquerade = false } }'})
    assert loaded.agent.external_networks == {"lab": config.ExternalNetwork(bridge="br0")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[api]\nprot = 1\n", "there is no option api.prot; did you mean api.port?"),
        ("[databse]\nurl = 'x'\n", "there is no option databse; did you mean database?"),
        ("[api]\nport = 'x'\n", "api.port: Expected `int`, got 'x'"),
        ("[api]\nport = 70000\n", "api.port: Expected `int` <= 65535, got 70000"),
        ("api = 1\n", "api is a section: write [api]"),
        ("[log]\nformat = 'xml'\n", "log.format: Invalid enum value 'xml'"),
        ("[quota.compute]\ncores = -2\n", "quota.compute.cores: Expected `int` >= -1"),
        ("port = \n", "is not TOML"),
        ("[api]\ntls_key = 'k'\n", "api.tls_certificate and api.tls_key belong together"),
        ("[agent.external_networks.public]\naddress = '10.0.0.1/24'\n", "agent.external_networks: Object missing required field `bridge`"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(config.ConfigError, match=r".+") as raised:
        config.load(write(tmp_path, text), environ={})
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"MONOSTACK_API_PROT": "1"}, "there is no option MONOSTACK_API_PROT; did you mean MONOSTACK_API_PORT?"),
        ({"MONOSTACK_API_PORT": "many"}, "MONOSTACK_API_PORT: Expected `int`, got 'many'"),
        ({"MONOSTACK_IDENTITY_V2_API": "perhaps"}, "MONOSTACK_IDENTITY_V2_API: Expected `bool`, got 'perhaps'"),
        ({"MONOSTACK_AGENT_EXTERNAL_NETWORKS": "br0"}, "MONOSTACK_AGENT_EXTERNAL_NETWORKS: not TOML"),
        ({"MONOSTACK_CONFIG": "/nowhere/monostack.toml"}, "cannot read the configuration file /nowhere/monostack.toml: No such file"),
    ],
)
def test_a_mistake_in_the_environment_is_named(environ: dict[str, str], message: str) -> None:
    with pytest.raises(config.ConfigError) as raised:
        config.load(environ=environ)
    assert message in str(raised.value)


def test_every_option_can_be_set_by_its_variable() -> None:
    environ = {option.variable: _text(option.default) for option in config.OPTIONS.values() if option.default not in (None, "", {})}
    del environ["MONOSTACK_AGENT_EXTERNAL_NETWORKS"]
    assert len(environ) > 40
    assert config.load(environ=environ) == config.load(environ={})


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_the_page_is_current() -> None:
    assert (ROOT / "docs/configuration.md").read_text() == reference.render(), "docs/configuration.md is stale: run `make docs`"
