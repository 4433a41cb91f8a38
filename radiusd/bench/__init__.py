"""Measures the server: started afresh on each store, driven by a load generator, alternated with a peer."""
