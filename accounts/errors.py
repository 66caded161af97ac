"""Errors of logging in, beside those of `core.errors`."""

from tradingsite.core.errors import Forbidden, NotAuthenticated


class CodeNeeded(NotAuthenticated):
    """The password was right, and the second factor is asked for."""

    code = "otp_required"
    title = "A code of the second factor is needed"


class WrongCode(NotAuthenticated):
    """The code of the second factor is wrong, used already, or refused for now; `detail` says which."""

    code = "otp_wrong"
    title = "The code is not right"


class SecondFactorRequired(Forbidden):
    """The site demands a second factor of this user, who has none yet."""

    code = "totp_required"
    title = "A second factor must be set up first"
