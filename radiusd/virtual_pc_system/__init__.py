"""A café's PC system made of its documented behaviour, faults included: for demos, tests and trials. A toy, not a till."""
