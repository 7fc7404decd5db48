"""`python -m layers_mcp` is the same program as `layers-mcp`."""

from layers_mcp.cli import main

if __name__ == "__main__":
    main()
