"""What ChexDesk keeps: the only place that talks SQL, and the only one that stores report text."""
