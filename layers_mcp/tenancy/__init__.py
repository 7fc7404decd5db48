"""Who is calling, and the clients and journals that are open for them."""
