from accounts.models.api_key import ApiKey
from accounts.models.login_failure import LoginFailures
from accounts.models.login_session import LoginEnd, LoginSession
from accounts.models.preferences import Theme, UserSettings
from accounts.models.registration import Invitation, Registration
from accounts.models.role import Role
from accounts.models.second_factor import RecoveryCode, SecondFactor
from accounts.models.user import User

__all__ = [
    "ApiKey",
    "Invitation",
    "LoginEnd",
    "LoginFailures",
    "LoginSession",
    "RecoveryCode",
    "Registration",
    "Role",
    "SecondFactor",
    "Theme",
    "User",
    "UserSettings",
]
