"""Doors for other programs: OpenAI's API over HTTP, and MCP."""
