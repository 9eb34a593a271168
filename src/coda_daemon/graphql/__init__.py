"""GraphQL of the daemon: the schema served from the node's state, with the error shapes of the real one."""
