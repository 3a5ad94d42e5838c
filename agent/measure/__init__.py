"""Measuring one model on this machine, in processes of its own."""
