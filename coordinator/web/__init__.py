"""The fleet in a browser, and its read-only JSON, inside the coordinator's process."""
