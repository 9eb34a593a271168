"""What the user of a daemon did wrong, as one exception (daemon contract A.8: exit code 1 and a banner)."""


class UserError(Exception):
    """The daemon cannot start as it was asked to. The message names the thing, what was expected and what to
    do.
    """
