"""The fault lane: breaks the server and what it stands on, and compares what was promised with what is kept."""
