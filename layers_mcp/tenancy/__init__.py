"""Who is calling, and what is open for them."""
