"""Who may do what: the authority, tokens, roles per method, limits and the audit log."""
