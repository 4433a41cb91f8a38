"""`python -m radiusd.virtual_pc_system` is the command pc-system."""

from radiusd.virtual_pc_system.cli import main

main(prog_name="pc-system")
