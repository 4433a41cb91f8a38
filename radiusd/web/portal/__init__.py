"""What a guest's phone asks for: to log in with the name of the gaming PC, and to see the balance there."""
