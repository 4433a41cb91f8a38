"""What PC systems post to us: read, guarded, recorded."""
