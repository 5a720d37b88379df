"""What is kept of a run: scalars and snapshots in one directory. Knows no widget and no live model."""
