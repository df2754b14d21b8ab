"""Evidence: the words of a report that carry each label."""
