"""What happens while the store does not answer: what is still promised, and how that is kept."""
