"""What the coordinator does for agents and users, free of the wire."""
