"""Pictures of what is known of a device; the front is beside the search that finds it."""
