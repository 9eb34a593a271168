"""The one exception of every parser of a text or byte format in this package."""


class FormatError(ValueError):
    """Something is not of the format that it should have.

    `kind` is what was being read ("public key"); `expected` and `found` complete the sentence. None of
    them ever holds a secret: what may be a private key is described, not quoted.
    """

    def __init__(self, kind: str, expected: str, found: str) -> None:
        super().__init__(f"{kind}: expected {expected}, found {found}")
        self.kind, self.expected, self.found = kind, expected, found
