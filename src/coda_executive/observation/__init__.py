"""What was seen of a run: the stream of observations, the network's state folded from it, and the history on
disk.
"""
