"""The analysis behind the loop, as pure functions: no I/O, no MCP, no HTTP."""
