"""What flights mean for areas: probabilities, the decision, and CAP messages."""
