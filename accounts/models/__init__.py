from accounts.models.api_key import ApiKey
from accounts.models.role import Role
from accounts.models.user import User

__all__ = ["ApiKey", "Role", "User"]
