"""Addresses of people, roles and keys."""

from django.urls import path

from accounts.api.departures import UserDepartureViewSet
from accounts.api.emails import ChangeEmailView, ConfirmEmailView
from accounts.api.invitations import InvitationViewSet
from accounts.api.logins import LoginView, LoginViewSet, LogoutView, TokenRefreshView, TokenView
from accounts.api.passwords import ChangePasswordView, ConfirmResetView, ResetPasswordView
from accounts.api.preferences import SettingsView
from accounts.api.registration import ConfirmRegistrationView, RegisterView
from accounts.api.second_factor import ConfirmView, RecoveryCodesView, RemoveView, SecondFactorView
from accounts.api.views import ApiKeyViewSet, MeView, RoleViewSet, UserViewSet
from tradingsite.core.api.routes import CHANGE, CREATE, LIST, ONE

urlpatterns = [
    path("auth/me/", MeView.as_view(), name="auth-me"),
    path("auth/settings/", SettingsView.as_view(), name="auth-settings"),
    path("auth/register/", RegisterView.as_view(), name="auth-register"),
    path("auth/register/confirm/", ConfirmRegistrationView.as_view(), name="auth-register-confirm"),
    path("auth/password/change/", ChangePasswordView.as_view(), name="auth-password-change"),
    path("auth/password/reset/", ResetPasswordView.as_view(), name="auth-password-reset"),
    path("auth/password/reset/confirm/", ConfirmResetView.as_view(), name="auth-password-reset-confirm"),
    path("auth/email/change/", ChangeEmailView.as_view(), name="auth-email-change"),
    path("auth/email/confirm/", ConfirmEmailView.as_view(), name="auth-email-confirm"),
    path("invitations/", InvitationViewSet.as_view(LIST | CREATE), name="invitations-list"),
    path("invitations/<str:pk>/", InvitationViewSet.as_view(ONE), name="invitations-detail"),
    path("invitations/<str:pk>/revoke/", InvitationViewSet.as_view({"post": "revoke"}), name="invitations-revoke"),
    path("auth/token/", TokenView.as_view(), name="auth-token"),
    path("auth/token/refresh/", TokenRefreshView.as_view(), name="auth-token-refresh"),
    path("auth/login/", LoginView.as_view(), name="auth-login"),
    path("auth/logout/", LogoutView.as_view(), name="auth-logout"),
    path("auth/logins/", LoginViewSet.as_view(LIST), name="auth-logins-list"),
    path("auth/logins/<str:pk>/", LoginViewSet.as_view(ONE), name="auth-logins-detail"),
    path("auth/logins/<str:pk>/end/", LoginViewSet.as_view({"post": "end"}), name="auth-logins-end"),
    path("auth/totp/", SecondFactorView.as_view(), name="auth-totp"),
    path("auth/totp/confirm/", ConfirmView.as_view(), name="auth-totp-confirm"),
    path("auth/totp/recovery-codes/", RecoveryCodesView.as_view(), name="auth-totp-recovery-codes"),
    path("auth/totp/remove/", RemoveView.as_view(), name="auth-totp-remove"),
    path("users/", UserViewSet.as_view(LIST), name="users-list"),
    path("users/<str:pk>/", UserViewSet.as_view(ONE), name="users-detail"),
    path("users/<str:pk>/deactivate/", UserDepartureViewSet.as_view({"post": "deactivate"}), name="users-deactivate"),
    path("users/<str:pk>/reactivate/", UserDepartureViewSet.as_view({"post": "reactivate"}), name="users-reactivate"),
    path("roles/", RoleViewSet.as_view(LIST), name="roles-list"),
    path("roles/<str:pk>/", RoleViewSet.as_view(ONE), name="roles-detail"),
    path("api-keys/", ApiKeyViewSet.as_view(LIST | CREATE), name="api-keys-list"),
    path("api-keys/<str:pk>/", ApiKeyViewSet.as_view(ONE | CHANGE), name="api-keys-detail"),
    path("api-keys/<str:pk>/rotate/", ApiKeyViewSet.as_view({"post": "rotate"}), name="api-keys-rotate"),
    path("api-keys/<str:pk>/revoke/", ApiKeyViewSet.as_view({"post": "revoke"}), name="api-keys-revoke"),
]
