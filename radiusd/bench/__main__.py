"""`python -m radiusd.bench` is the command scripts/bench."""

from radiusd.bench.cli import main

main(prog_name="bench")
