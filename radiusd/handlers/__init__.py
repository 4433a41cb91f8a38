"""One module for each request code."""
