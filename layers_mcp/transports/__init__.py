"""How a server is reached: stdio and Streamable HTTP."""
