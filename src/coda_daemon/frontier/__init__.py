"""The root, all known descendants, and what a new block changes among them (daemon contract I.4). Pure."""
