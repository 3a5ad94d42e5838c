"""The command line of ``help-coord``, a module per group of commands."""
