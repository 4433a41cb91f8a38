"""`python -m radiusd.icafectl`."""

from radiusd.icafectl import main

main()
