"""One forward pass → the graph of what it called."""
