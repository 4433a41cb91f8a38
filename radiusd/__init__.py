"""The shell around the policy: sockets, rows, clocks and packets."""

__version__ = "0.1.0"
