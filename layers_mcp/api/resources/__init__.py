"""The API's endpoints, a module a resource: paths, parameters, and what comes back."""
