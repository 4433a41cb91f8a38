"""A café's PC system made of its documented behaviour, faults included: for demos and tests. A toy, not a till."""
