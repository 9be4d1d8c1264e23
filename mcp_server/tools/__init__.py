"""One module for each tool; each has `register(mcp, face)`."""
