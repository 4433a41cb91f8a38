"""A café's launcher and a studio's game server, made of the public contract alone: for demos and tests."""
