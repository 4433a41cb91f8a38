"""`python -m radiusd.virtual_playwave` is the command playwave."""

from radiusd.virtual_playwave.cli import main

main(prog_name="playwave")
