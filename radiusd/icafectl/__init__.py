"""The administrator's tool: parse, call, print. What it does beside a running server, the server notices at once."""


def main() -> None:
    """Entry point."""
    from radiusd.icafectl.root import icafectl  # noqa: PLC0415 - only when it is a program

    icafectl(prog_name="icafectl")
