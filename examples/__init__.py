"""What to do with Skypact, worked out on real input."""
