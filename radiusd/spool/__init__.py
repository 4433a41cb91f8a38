"""A journal of records on the local disk, for what must not be lost while the store is away."""
