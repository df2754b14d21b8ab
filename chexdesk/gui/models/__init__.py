"""View models: what the widgets show, and the only way from a widget to a service."""
