"""Runtimes: what runs a model in the measuring process."""
