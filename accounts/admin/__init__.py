"""People, roles, API keys, invitations and log-ins in the admin."""

from django.contrib import admin
from django.contrib.auth.models import Group

from accounts.admin.api_keys import ApiKeyAdmin
from accounts.admin.invitations import InvitationAdmin
from accounts.admin.logins import LoginAdmin
from accounts.admin.roles import RoleAdmin
from accounts.admin.users import UserAdmin

# Shown as Role, with its own rules.
admin.site.unregister(Group)

__all__ = ["ApiKeyAdmin", "InvitationAdmin", "LoginAdmin", "RoleAdmin", "UserAdmin"]
