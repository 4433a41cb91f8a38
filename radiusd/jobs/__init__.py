"""What happens inside a transaction: load, let policy decide, save. One module for each kind of event."""
