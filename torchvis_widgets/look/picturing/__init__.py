"""Tensors → tiles of bytes, with their colours and what must be said about them."""
