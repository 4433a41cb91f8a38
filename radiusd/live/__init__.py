"""A mirror of the sessions in Redis, for others to read: keys for those that are active, channels for what happens."""
