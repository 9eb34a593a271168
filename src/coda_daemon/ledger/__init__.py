"""Accounts and the Merkle tree over them. Pure: values in, values out."""
