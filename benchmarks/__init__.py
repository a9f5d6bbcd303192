"""How quick warung is, measured beside others on the same machine."""
