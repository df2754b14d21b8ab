"""What a user can do: operations and queries that window, command line and tests share."""
