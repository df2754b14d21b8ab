"""Export: a checkpoint or an adapter in; a verified model pack out. Never imported by the app."""
