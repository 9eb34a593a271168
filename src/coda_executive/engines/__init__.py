"""Ways to run a testnet, one folder each. Nothing above the interfaces names one: they are found by entry
point.
"""
