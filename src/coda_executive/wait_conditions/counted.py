"""Numbers of things in words."""


def counted(number: int, thing: str) -> str:
    """Such as "1 block" and "2 blocks"."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
