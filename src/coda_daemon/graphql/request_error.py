"""What a resolver raises when a request cannot be answered."""


class RequestError(Exception):
    """The message is the contract's; it becomes a GraphQL error at the resolver's path (daemon contract D.2)."""
