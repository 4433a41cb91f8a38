"""`python -m radiusd.virtual_partner` is the command charging-partner."""

from radiusd.virtual_partner.cli import main

main(prog_name="charging-partner")
