"""What is wrong with what the configuration says of other servers."""


class ClusterError(Exception):
    """Redis cannot be used as configured; the message says why and what to do, never a secret."""
