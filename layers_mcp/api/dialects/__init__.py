"""The vintages of the API: `preview` is the guide's, `current` today's. What differs between them is here alone."""
