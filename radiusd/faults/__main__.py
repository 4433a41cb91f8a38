"""`python -m radiusd.faults` is scripts/faults."""

from radiusd.faults.cli import main

main(prog_name="faults")
