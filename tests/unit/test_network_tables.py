"""Rulesets as values: the commands between two states, in an order in which nothing is missing."""

from monostack.agent.network.linux.nftables import Chain, Elements, Table, change, remove, replace

BASE = Chain(("iifname vmap @ports",), "type filter hook forward priority 0; policy accept;")


def table(*ports: str, rules: tuple[str, ...] = ("drop",), members: tuple[str, ...] = ()) -> Table:
    return Table(
        "bridge",
        "t",
        {
            "ports": Elements("map", "type ifname : verdict;", {f'"{port}"': f"jump {port}" for port in ports}),
            "members": Elements("set", "type ipv4_addr; flags interval;", dict.fromkeys(members)),
        },
        {**{port: Chain(rules) for port in ports}, "base": BASE},
    )


def test_a_whole_table() -> None:
    assert replace(table("a", members=("10.0.0.0/8",))).splitlines() == [
        "add table bridge t",
        "delete table bridge t",
        "add table bridge t",
        "add map bridge t ports { type ifname : verdict; }",
        "add set bridge t members { type ipv4_addr; flags interval; }",
        "add chain bridge t a",
        "add chain bridge t base { type filter hook forward priority 0; policy accept; }",
        "add rule bridge t a drop",
        "add rule bridge t base iifname vmap @ports",
        'add element bridge t ports { "a" : jump a }',
        "add element bridge t members { 10.0.0.0/8 }",
    ]
    assert remove("bridge", "t").splitlines() == ["add table bridge t", "delete table bridge t"]


def test_nothing_differs() -> None:
    assert change(table("a", "b"), table("a", "b")) == ""


def test_a_chain_comes_and_one_goes() -> None:
    assert change(table("a"), table("b")).splitlines() == [
        "add chain bridge t b",
        "flush chain bridge t a",
        'delete element bridge t ports { "a" }',
        "add rule bridge t b drop",
        'add element bridge t ports { "b" : jump b }',
        "delete chain bridge t a",
    ]


def test_a_chain_is_rewritten_where_it_is() -> None:
    assert change(table("a"), table("a", rules=("accept", "drop"))).splitlines() == [
        "flush chain bridge t a",
        "add rule bridge t a accept",
        "add rule bridge t a drop",
    ]


def test_intervals_are_refilled_as_a_whole() -> None:
    before, after = table(members=("10.0.0.0/31", "10.0.0.4")), table(members=("10.0.0.0", "10.0.0.4"))
    assert change(before, after).splitlines() == ["flush set bridge t members", "add element bridge t members { 10.0.0.0, 10.0.0.4 }"]
    assert change(table(), after).splitlines() == ["add element bridge t members { 10.0.0.0, 10.0.0.4 }"]
    assert change(before, table()).splitlines() == ["flush set bridge t members"]


def test_a_set_goes_after_those_who_use_it() -> None:
    using = Table("ip", "t", {"s": Elements("set", "type ipv4_addr;", {"1.1.1.1": None})}, {"c": Chain(("ip saddr @s drop",))})
    assert change(using, Table("ip", "t", {}, {"c": Chain(("drop",))})).splitlines() == [
        "flush chain ip t c",
        "delete element ip t s { 1.1.1.1 }",
        "add rule ip t c drop",
        "delete set ip t s",
    ]


def test_a_verdict_changes() -> None:
    before = Table("ip", "t", {"m": Elements("map", "type ipv4_addr : ipv4_addr;", {"1.1.1.1": "2.2.2.2", "3.3.3.3": "4.4.4.4"})})
    after = Table("ip", "t", {"m": Elements("map", "type ipv4_addr : ipv4_addr;", {"1.1.1.1": "5.5.5.5", "3.3.3.3": "4.4.4.4"})})
    assert change(before, after).splitlines() == ["delete element ip t m { 1.1.1.1 }", "add element ip t m { 1.1.1.1 : 5.5.5.5 }"]
