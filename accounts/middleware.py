"""What a user's settings do to the pages of the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from accounts.models import UserSettings
from accounts.services.preferences import zone_of
from tradingsite.core.middleware.paths import is_admin

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from tradingsite.core.middleware.paths import GetResponse

#: Pages that make or read files, whose times are in UTC whoever made them.
_FILES = ("/export", "/import", "/process_import")


class UserSettingsMiddleware:
    """Shows the admin in the user's time zone, and keeps the settings at hand for the theme. One query a page."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_admin(request) or not request.user.is_authenticated:
            return self.get_response(request)
        mine = UserSettings.objects.filter(user=request.user.pk).first()
        request.user_settings = mine  # type: ignore[attr-defined]  # ours, read by accounts.admin.my_settings
        if mine is None or request.path_info.rstrip("/").endswith(_FILES):
            return self.get_response(request)
        with timezone.override(zone_of(mine)):
            return self.get_response(request)
