"""What the weight sliders are made of: edits asked for, tried on a copy or made, and what is shown of the weights."""
