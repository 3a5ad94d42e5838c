"""What the examples add to help-fleet."""
