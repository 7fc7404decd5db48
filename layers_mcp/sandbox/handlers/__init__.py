"""The endpoints: one module a resource, one function an endpoint."""
