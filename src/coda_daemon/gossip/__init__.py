"""The gossip network: authenticated links between peers, blocks flooded over them, requests and answers."""
