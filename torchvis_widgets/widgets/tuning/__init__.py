"""What HyperparameterSliders shows, as plain data."""
