"""The SQL of the store, by subject; each function works inside a transaction it is given."""
