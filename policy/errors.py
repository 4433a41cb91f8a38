"""Misuse by a caller; refusing a guest is an ordinary answer and no error."""


class PolicyError(Exception):
    """The caller asked for something the policy cannot mean."""


class InvalidPackage(PolicyError):
    """The terms of a package contradict themselves; the message says which and what would be right."""
