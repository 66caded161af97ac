"""Errors of logging in, beside those of `core.errors`."""

from tradingsite.core.errors import Forbidden, InvalidInput, NotAuthenticated


class WrongCredentials(NotAuthenticated):
    """Nobody has this name with this password, or they may not log in; which of these, nobody is told."""

    code = "wrong_credentials"
    title = "Not logged in"


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


class RegistrationClosed(Forbidden):
    """Nobody becomes a user by themselves here."""

    code = "registration_closed"
    title = "Registration is closed"


class WrongPassword(InvalidInput):
    """It is not the user's password now."""

    code = "wrong_password"
    title = "The password is wrong"
