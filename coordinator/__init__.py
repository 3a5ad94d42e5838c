"""Remembers the fleet, hands out work, adapts predictors and answers questions."""
