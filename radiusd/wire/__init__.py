"""RADIUS octets to values and back: no reactor, no clock, no database."""
