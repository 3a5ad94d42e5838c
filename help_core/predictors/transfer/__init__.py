"""Closed-form Bayesian transfer from training devices to a device with few measurements."""
