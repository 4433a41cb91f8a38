"""`python -m radiusd` is the command radiusd."""

from radiusd.cli import main

main(prog_name="radiusd")
