"""The store: SQLAlchemy Core over SQLite or PostgreSQL, in threads, one writer that commits in groups."""
