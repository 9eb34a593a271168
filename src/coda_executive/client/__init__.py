"""Requests to daemons through their public GraphQL API, written once for all engines."""
