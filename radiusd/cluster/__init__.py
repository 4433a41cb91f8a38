"""Several servers on one store: what they tell each other so that none has to wait until it looks for itself."""
