"""A charging partner for demos, tests and trials: it shares no code with the server that asks it."""
