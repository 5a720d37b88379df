"""What outputs inside a model hold, what they depend on, and what becomes of the answer when they are changed."""
