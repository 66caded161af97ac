"""People: made, changed, given roles and passwords; deactivated, never deleted."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import SetPasswordMixin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from unfold.contrib.filters.admin import BooleanRadioFilter
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminPasswordWidget

from accounts.admin.departures import DeparturePages
from accounts.admin.second_factor_reset import SecondFactorReset
from accounts.models import Role, User
from accounts.services.profiles import change_user, set_password
from accounts.services.users import create_user, set_roles
from tradingsite.core.actor import Actor
from tradingsite.core.admin.base import ScopedModelAdmin
from tradingsite.core.admin.forms import DeskModelForm, refusal_messages
from tradingsite.core.admin.transfer import ExportPages
from tradingsite.core.errors import DeskError
from tradingsite.core.http import admin_actor


class UserForm(DeskModelForm):
    """A person with roles by name."""

    roles = forms.ModelMultipleChoiceField(
        queryset=Role.objects.order_by("name"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What the person may do. Nobody gives rights that they do not have.",
    )

    class Meta:
        model = User
        fields = ("username",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["roles"] = list(self.instance.groups.values_list("pk", flat=True))


class NewUserForm(SetPasswordMixin, UserForm):  # type: ignore[type-arg]  # generic in the stubs only
    """The same with a first password."""

    password1, password2 = SetPasswordMixin.create_password_fields()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("password1", "password2"):
            self.fields[name].widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})

    def clean(self) -> Any:
        self.validate_passwords()
        return super().clean()

    def _post_clean(self) -> None:
        super()._post_clean()
        self.validate_password_for_user(self.instance, "password1")


@admin.register(User)
class UserAdmin(DeparturePages, SecondFactorReset, ExportPages, ScopedModelAdmin):
    """Seen by who may see users; without `core.view_all` that is oneself."""

    form = UserForm
    add_form: ClassVar[Any] = NewUserForm
    list_display = ("username", "email", "full_name", "role_names", "is_active", "is_superuser", "last_login")
    list_filter = (("is_active", BooleanRadioFilter), ("is_superuser", BooleanRadioFilter))
    search_fields = ("username__startswith", "email__startswith", "first_name", "last_name")
    search_help_text = "Beginning of the user name or e-mail, or part of the name"
    readonly_fields = ("second_factor_state", "last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "email", "first_name", "last_name")}),
        ("What the person may do", {"fields": ("active", "roles", "is_superuser")}),
        ("Record", {"fields": ("second_factor_state", "last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "email", "first_name", "last_name")}),
        ("Password", {"fields": ("password1", "password2")}),
        ("What the person may do", {"fields": ("roles",)}),
    )
    actions_detail = ("change_password", *SecondFactorReset.reset_actions, *DeparturePages.departure_actions)
    export_fields = ("username", "email", "first_name", "last_name", "is_active", "is_superuser", "last_login")

    @display(description="active", boolean=True)
    def active(self, user: User) -> bool:
        # Not the column itself, whose help text tells people to untick it.
        return user.is_active

    @display(description="name")
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @display(description="roles", label=True)
    def role_names(self, user: User) -> list[str]:
        return [role.name for role in user.groups.all()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        people: QuerySet[User] = super().get_queryset(request)
        return people.prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # People are deactivated on a page of its own, which says what ends with that.
        fields = [*super().get_readonly_fields(request, obj), "active"]
        return fields if admin_actor(request).is_unlimited else [*fields, "is_superuser"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
        # Who may only look has no form, and so no field of the form's own.
        fields = tuple(name if name != "roles" else "role_names" for name in self.fieldsets[1][1]["fields"])
        return (self.fieldsets[0], (self.fieldsets[1][0], {"fields": fields}), self.fieldsets[2])

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = self.add_form
        return super().get_form(request, obj, change=change, **kwargs)

    def save_through_service(self, actor: Actor, obj: Any, values: dict[str, Any]) -> User:
        roles = values.pop("roles", None)
        if obj is None:
            password = values.pop("password1")
            values.pop("password2")
            names = {name: values.pop(name) for name in ("first_name", "last_name") if values.get(name)}
            user = create_user(actor=actor, username=values["username"], email=values["email"], password=password)
            user = change_user(actor=actor, user=user, values=names)
        else:
            user = change_user(actor=actor, user=obj, values=values)
        if roles is not None:
            set_roles(actor=actor, user=user, roles=[role.name for role in roles])
        return user

    # Passwords

    def has_set_password_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        # Not named as "accounts.change_user" in the decorator: unfold would look that up in the
        # database when the system is checked, and there is none before the first migrate.
        return bool(request.user.has_perm("accounts.change_user"))

    def get_urls(self) -> list[Any]:
        page = path("<int:user_id>/password/", self.admin_site.admin_view(self.password_view), name="accounts_user_pw")
        urls: list[Any] = [page, *super().get_urls()]
        return urls

    @action(description="Change password", icon="key", url_path="set-password", permissions=["set_password"])
    def change_password(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(f"{self.page_of(object_id).removesuffix('change/')}password/")

    def password_view(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """Another password for somebody; the service says who may."""
        user = self.get_object(request, str(user_id))
        if user is None:
            raise Http404
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        form = AdminPasswordChangeForm(user, request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                set_password(actor=admin_actor(request), user=user, password=form.cleaned_data["password1"])
            except DeskError as refusal:
                for field, message in refusal_messages(refusal):
                    form.add_error(field if field in form.fields else None, message)
            else:
                if user.pk == request.user.pk:
                    update_session_auth_hash(request, user)
                messages.success(request, f"{user.username} has another password now.")
                return HttpResponseRedirect(self.page_of(user.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Change password: {user.username}",
            "form": form,
            "opts": self.opts,
            "original": user,
        }
        return TemplateResponse(request, "admin/auth/user/change_password.html", context)
