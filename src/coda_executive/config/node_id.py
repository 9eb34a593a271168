"""The name of a node in its testnet."""

from typing import NewType

NodeId = NewType("NodeId", str)  # such as "block-producer-1"
