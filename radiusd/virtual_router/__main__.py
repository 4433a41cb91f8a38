"""`python -m radiusd.virtual_router` is the command virtual-router."""

from radiusd.virtual_router.cli import main

main(prog_name="virtual-router")
