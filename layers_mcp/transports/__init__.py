"""How a server is reached: stdio."""
