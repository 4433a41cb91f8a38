"""The store: SQLAlchemy Core over SQLite or PostgreSQL; threads read it, and one writer commits in groups."""
