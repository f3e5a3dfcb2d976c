"""The exception for messages to the user."""


class SpoonfulError(ValueError):
    """Report bad input or a bad file in one line meant for the user.

    The message says what was passed, what is allowed and how to fix it. The command line prints it
    without a traceback and exits with code 2. Unprintable characters, such as a line break in a
    file's name or in a damaged value, are escaped.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in message))
