"""The widgets: one class a view, each paired with the JavaScript of the same name."""
