"""Imports point one way: every row of the table says what a part may import, of ours and of others.

Every part may import itself, and the radiusd package, which holds the version. `*` is every row above it.
"""

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]

# part                of ours                                                              of others
RULES = """
policy                -                                                                    attrs
wire                  -                                                                    attrs pyrad
logs                  -                                                                    twisted zope
paths                 -                                                                    -
config                paths                                                                attrs msgspec
groups                -                                                                    -
vault                 -                                                                    cryptography
passwords             vault                                                                argon2
secret_files          -                                                                    -
hashing               -                                                                    twisted
web                   policy store.absence                                                 attrs msgspec prometheus_client twisted zope
web.fair              store.writer                                                         attrs
web.pc_sync           policy jobs store web                                                attrs msgspec sqlalchemy twisted
web.portal            policy jobs pc_system store vault web                                attrs msgspec twisted
web.games             policy jobs store web charging.port                                  attrs msgspec sqlalchemy twisted
web.building          policy config pc_system store vault web charging.port                attrs twisted
spool                 -                                                                    attrs
coa                   policy wire                                                          attrs librouteros pyrad twisted
readiness             -                                                                    psycopg2
store                 policy vault groups passwords                                        alembic attrs msgspec sqlalchemy
store.database        store readiness                                                      alembic sqlalchemy
store.turns           readiness                                                            attrs greenlet psycopg2 twisted zope
cluster               readiness                                                            attrs msgspec psycopg2 redis twisted zope
cluster.building      config cluster secret_files                                          attrs twisted
live                  policy store cluster web.times                                       attrs msgspec sqlalchemy twisted
live.building         config cluster live                                                  -
pc_system             policy                                                               attrs msgspec treq twisted zope
charging              policy store pc_system web.fair                                      attrs msgspec sqlalchemy treq twisted
charging.building     policy config pc_system store secret_files web.fair charging         -
server                policy wire store.directory                                          attrs prometheus_client twisted
handlers.classes      -                                                                    attrs
handlers.translate    policy wire handlers.classes                                         attrs
credentials           wire vault store handlers.translate                                  attrs
jobs                  policy vault store handlers.classes handlers.translate credentials   attrs sqlalchemy
handlers              policy wire vault groups store server jobs                           attrs msgspec twisted
listening             config server.datagrams                                              twisted
away                  policy config groups wire spool store credentials server jobs handlers   attrs msgspec prometheus_client sqlalchemy twisted
reaching              policy wire store coa                                                attrs
cutting               policy wire store coa server jobs handlers reaching                  attrs twisted
changing              policy wire store coa server jobs handlers reaching cutting          attrs twisted
probing               policy wire store coa server jobs handlers reaching cutting          attrs twisted
ordering              store cutting changing                                               attrs
following             policy store jobs handlers                                           twisted sqlalchemy
watching              policy store jobs handlers ordering                                  twisted
gaming                policy store jobs                                                    attrs sqlalchemy twisted
app                   *                                                                    attrs sqlalchemy twisted
service               app config serving                                                   twisted
serving               app config logs store.errors vault wire                              attrs click twisted
workers               config logs listening serving                                        attrs click twisted
rereading             config logs                                                          attrs twisted
cli                   config serving workers rereading                                     click twisted
__main__              cli                                                                  -
icafectl              policy config vault passwords store handlers.translate pc_system.values charging.wallet   attrs click rich sqlalchemy
virtual_router        wire                                                                 attrs click rich twisted
virtual_pc_system     -                                                                    attrs click msgspec rich treq twisted
virtual_partner       -                                                                    attrs click msgspec twisted
virtual_playwave      -                                                                    attrs click msgspec rich treq twisted
demo                  policy vault charging.wallet store app serving                       attrs click sqlalchemy twisted
bench                 policy wire vault passwords store server jobs handlers app virtual_router   attrs click msgspec rich sqlalchemy twisted
faults                *                                                                    attrs click psycopg2 sqlalchemy twisted
drawing               policy                                                               click
"""  # noqa: E501 - a table
CLOCK_OR_CHANCE = {"asyncio", "os", "random", "secrets", "socket", "subprocess", "threading", "time", "uuid"}
FROM_THE_CLOCK = {"now", "utcnow", "today", "monotonic"}


def rows() -> dict[str, tuple[set[str], set[str]]]:
    """What each part may import: of ours, of others."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for row in RULES.strip().splitlines():
        part, ours, others = re.split(r" {2,}", row)
        found[part] = set(found) if ours == "*" else set(ours.split()), set(others.split())
    return found


MAY = rows()


def name_of(file: Path) -> str:
    """`policy.usage`, `handlers.access`: a module without the folder that is all but policy."""
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__").removeprefix("radiusd.")


FILES = sorted([*ROOT.glob("policy/**/*.py"), *ROOT.glob("radiusd/**/*.py")])
MODULES = {name_of(each): each for each in FILES if name_of(each) != "radiusd"}


def part_of(module: str) -> str:
    """The row a module is of: the one with the longest name that fits."""
    fits = [each for each in MAY if module == each or module.startswith(f"{each}.")]
    return max(fits, key=len, default=module)


def imports(file: Path) -> Iterator[str]:
    """Full names of what a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{each.name}" for each in node.names)


def is_one_of(module: str, allowed: set[str]) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in allowed)


def is_allowed(module: str, imported: str) -> bool:
    part = part_of(module)
    ours, others = MAY[part]
    top, _, _ = imported.partition(".")
    if top in ("policy", "radiusd"):
        name = imported.removeprefix("radiusd.")
        return is_one_of(name, ours | {part, "__version__"})
    return top in sys.stdlib_module_names or top in others


def test_nobody_imports_what_its_row_does_not_allow() -> None:
    wrong = [
        f"{name}: {each}" for name, file in MODULES.items() for each in imports(file) if not is_allowed(name, each)
    ]
    assert wrong == []


def test_the_table_itself_points_one_way() -> None:
    graph = {part: {part_of(each) for each in ours if each != "-"} - {part} for part, (ours, _) in MAY.items()}
    assert set(TopologicalSorter(graph).static_order()) == set(MAY)


def test_every_module_has_its_row_and_every_row_its_modules() -> None:
    assert {part_of(each) for each in MODULES} == set(MAY)


def test_what_decides_and_what_reads_packets_knows_neither_clock_nor_chance() -> None:
    wrong = []
    for name, file in MODULES.items():
        if part_of(name) in ("policy", "wire"):
            asked = {each.attr for each in ast.walk(ast.parse(file.read_text())) if isinstance(each, ast.Attribute)}
            imported = {each.split(".")[0] for each in imports(file)}
            wrong += [f"{name}: {each}" for each in (imported & CLOCK_OR_CHANCE) | (asked & FROM_THE_CLOCK)]
    assert wrong == []
