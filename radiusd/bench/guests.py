"""What guests of a measured café are called, and what their routers share with the server."""

USER, PASSWORD = "user%06d", "pass%06d"
SECRET = "testing123"  # noqa: S105 - for loopback, and as long as a measurement takes
DEVICES = 5
"""How many devices the package of each guest allows."""
