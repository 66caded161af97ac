"""One's own settings in the admin, and what they do there."""

from __future__ import annotations

from typing import Any, cast
from zoneinfo import available_timezones

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import Theme, User
from accounts.notifications import NOTIFICATIONS
from accounts.services.preferences import all_notifications, change_own_names, change_settings, settings_of
from tradingsite.core.admin.forms import refusal_messages
from tradingsite.core.admin.scope import visible_rows
from tradingsite.core.errors import DeskError
from tradingsite.core.http import admin_actor
from tradingsite.core.transactions import in_transaction


class SettingsForm(forms.Form):
    """What people set for themselves."""

    first_name = forms.CharField(required=False, max_length=150, widget=UnfoldAdminTextInputWidget)
    last_name = forms.CharField(required=False, max_length=150, widget=UnfoldAdminTextInputWidget)
    time_zone = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget,
        help_text="In which the admin shows times and takes the ones that you type. The API and files are in UTC.",
    )
    theme = forms.ChoiceField(choices=Theme.choices, widget=UnfoldAdminSelectWidget)
    default_portfolio: forms.ModelChoiceField[Any] = forms.ModelChoiceField(
        queryset=None, required=False, widget=UnfoldAdminSelectWidget, help_text="The one that is shown first."
    )
    notifications = forms.MultipleChoiceField(
        choices=[(name, choice.label) for name, choice in NOTIFICATIONS.items()],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What to be told of by e-mail.",
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        portfolios = visible_rows(request, apps.get_model("portfolio", "Portfolio"))
        cast("forms.ModelChoiceField[Any]", self.fields["default_portfolio"]).queryset = portfolios
        zones = [(name, name) for name in sorted(available_timezones())]
        cast(forms.ChoiceField, self.fields["time_zone"]).choices = zones


@require_http_methods(["GET", "HEAD", "POST"])
def my_settings_page(request: HttpRequest) -> HttpResponse:
    """One's own settings, shown and changed."""
    user = cast(User, admin_actor(request).user)
    form = (
        SettingsForm(request, request.POST) if request.method == "POST" else SettingsForm(request, initial=_shown(user))
    )
    if form.is_bound and form.is_valid():
        try:
            _save(request, form.cleaned_data)
        except DeskError as refusal:
            for name, message in refusal_messages(refusal):
                form.add_error(name if name in form.fields else None, message)
        else:
            messages.success(request, "Your settings are saved.")
            return HttpResponseRedirect(reverse("admin:my_settings"))
    context = {**admin.site.each_context(request), "title": "My settings", "form": form}
    return TemplateResponse(request, "admin/my_settings.html", context)


def _shown(user: User) -> dict[str, Any]:
    mine = settings_of(user)
    return {
        "first_name": user.first_name,
        "last_name": user.last_name,
        "time_zone": mine.time_zone,
        "theme": mine.theme,
        "default_portfolio": mine.default_portfolio_id,
        "notifications": [name for name, is_on in all_notifications(mine).items() if is_on],
    }


@in_transaction
def _save(request: HttpRequest, values: dict[str, Any]) -> None:
    actor = admin_actor(request)
    portfolio = values["default_portfolio"]
    change_own_names(actor=actor, values={name: values[name] for name in ("first_name", "last_name")})
    change_settings(
        actor=actor,
        values={
            "time_zone": values["time_zone"],
            "theme": values["theme"],
            "default_portfolio": None if portfolio is None else portfolio.pk,
            "notifications": {name: name in values["notifications"] for name in NOTIFICATIONS},
        },
    )


def theme_of(request: HttpRequest) -> str | None:
    """The theme that a user chose; None leaves it to the browser. Asked by unfold for every page."""
    mine = getattr(request, "user_settings", None)
    return None if mine is None or mine.theme == Theme.AUTO else str(mine.theme)
