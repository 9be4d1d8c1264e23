"""The verbs as tools, resources and prompts of an MCP server: the same answers as the command line's, for agents."""
