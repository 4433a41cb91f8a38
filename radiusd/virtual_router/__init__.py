"""A MikroTik HotSpot made of its documented behaviour, faults included: for demos, tests and load."""
