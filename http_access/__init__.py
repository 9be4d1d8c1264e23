"""Who may connect over HTTP: where to listen, names and origins that are answered, tokens. Both servers use it."""
