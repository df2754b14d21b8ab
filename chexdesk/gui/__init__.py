"""The window. Widgets know view models, view models know services; Qt stays in this folder."""
