"""The contracts between the executive and what is plugged into it. Protocols and plain values; no
implementation.
"""
