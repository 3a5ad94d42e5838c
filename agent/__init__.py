"""Measures architectures on one board and delivers what it measured. Never imports torch."""
