"""Puts an agent on a board."""
