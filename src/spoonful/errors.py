"""The one exception that speaks to the user."""


class SpoonfulError(ValueError):
    """Report bad input or a bad file in one line meant for the user.

    The message says what was passed, what is allowed and how to mend it. The command line prints
    it without a traceback and exits with code 2.
    """
