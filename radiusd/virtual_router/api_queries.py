"""The queries of the RouterOS API: words that begin with a question mark, worked off a stack."""

from collections.abc import Iterable
from operator import and_, or_

from radiusd.virtual_router.api_traps import Refusal

Row = dict[str, str]


def select(rows: Iterable[Row], queries: list[str], columns: frozenset[str]) -> list[Row]:
    """The rows for which all queries hold. Raises Refusal for a name that is no column."""
    return [row for row in rows if _holds(row, queries, columns)]


def _holds(row: Row, queries: list[str], columns: frozenset[str]) -> bool:
    stack: list[bool] = []
    for query in queries:
        if query.startswith("?#"):
            _operate(stack, query[2:])
        else:
            stack.append(_test(row, query[1:], columns))
    return all(stack)


def _operate(stack: list[bool], operations: str) -> None:
    """`!` turns the last result; `&` and `|` put one in place of the last two."""
    try:
        for operation in operations:
            if operation == "!":
                stack.append(not stack.pop())
            elif operation in "&|":
                one, other = stack.pop(), stack.pop()
                stack.append((and_ if operation == "&" else or_)(other, one))
            else:
                raise Refusal(1, f"unknown operation {operation}")
    except IndexError as error:
        raise Refusal(1, "query stack is empty") from error


def _test(row: Row, query: str, columns: frozenset[str]) -> bool:
    """`name` and `-name` ask whether there is a value; `name=v`, `=name=v`, `<name=v` and `>name=v` compare it."""
    kind = query[0] if query[:1] in ("-", "=", "<", ">") else ""
    name, equals, value = query.removeprefix(kind).partition("=")
    if name not in columns:
        raise Refusal(1, f"unknown parameter {name}")
    if not equals:
        return (name in row) is not (kind == "-")
    if kind in ("<", ">"):
        return name in row and (row[name] < value if kind == "<" else row[name] > value)
    return row.get(name) == value
