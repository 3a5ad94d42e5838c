"""The services on the wire: convert, call a use case, convert back. Nothing else."""
