"""Logging in and out over HTTP, and the log-ins that one has."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import BrowserSessionAuthentication, WebTokenAuthentication
from accounts.api.filters import LoginFilters
from accounts.api.login_serializers import TOKENS, LoginBody, LoginSerializer, LogoutBody, RefreshBody
from accounts.api.serializers import ME
from accounts.api.strangers import StrangersEndpoint
from accounts.api.who import who
from accounts.models import LoginSession
from accounts.services.login import Credentials, begin_session, log_in
from accounts.services.sessions import end_login, log_out
from accounts.services.web_logins import TokenPair, actor_of_refresh_token, log_in_for_tokens, refresh_tokens
from accounts.web import caller_of, close_session, open_session, refuse_foreign_page
from tradingsite.core.actor import Actor, Front
from tradingsite.core.api.serializers import EmptyBody
from tradingsite.core.api.viewsets import Endpoint, ReadOnlyScopedViewSet
from tradingsite.core.errors import NotAuthenticated
from tradingsite.core.http import admin_actor, api_actor

_SAME = "The same answer for an unknown name, a wrong password and a deactivated user; 429 after too many of them."


class TokenView(StrangersEndpoint):
    @extend_schema(operation_id="auth_token", summary="Log in", description=_SAME, request=LoginBody, responses=TOKENS)
    def post(self, request: Request) -> Response:
        return tokens(log_in_for_tokens(credentials=credentials(self.body(LoginBody)), caller=self.caller))


class TokenRefreshView(StrangersEndpoint):
    @extend_schema(
        operation_id="auth_token_refresh",
        summary="New tokens for a refresh token, which is good once",
        description="Used a second time, it ends its log-in: one of the two who used it was not the user.",
        request=RefreshBody,
        responses=TOKENS,
    )
    def post(self, request: Request) -> Response:
        return tokens(refresh_tokens(refresh=self.body(RefreshBody)["refresh"], caller=self.caller))


class LoginView(StrangersEndpoint):
    @extend_schema(
        operation_id="auth_login",
        summary="Log this browser in, to the admin",
        description=f"Sets the cookie of a session, which opens the admin, not the API. {_SAME}",
        request=LoginBody,
        responses=ME,
    )
    def post(self, request: Request) -> Response:
        refuse_foreign_page(request._request)
        given = credentials(self.body(LoginBody))
        user = log_in(credentials=given, caller=self.caller, begin=begin_session)
        open_session(request._request, user)
        return Response(who(admin_actor(request._request), user, None), headers={"Cache-Control": "no-store"})


class LogoutView(Endpoint):
    """By whatever one is logged in by: an access token, a refresh token in the body, the cookie of a session."""

    authentication_classes = [WebTokenAuthentication, BrowserSessionAuthentication]
    permission_classes = [AllowAny]
    never_replayed = frozenset({"post"})

    @extend_schema(
        operation_id="auth_logout",
        summary="Log out",
        description="Ends the log-in of the access token, or of the refresh token in the body, or this browser's "
        "session (which needs its CSRF token). Its access tokens are refused from then on.",
        request=LogoutBody,
        responses={204: OpenApiResponse(description="Logged out.")},
    )
    def post(self, request: Request) -> Response:
        values = self.body(LogoutBody)
        everywhere = values.get("everywhere", False)
        for actor in self._leaving(request, values.get("refresh")):
            log_out(actor=actor, everywhere=everywhere)
        if request.user.is_authenticated and request.auth is None:
            close_session(request._request, self.actor)
        return Response(status=204)

    def _leaving(self, request: Request, refresh: str | None) -> list[Actor]:
        leaving = [api_actor(request)] if request.user.is_authenticated else []
        if refresh is not None:
            by_token = actor_of_refresh_token(refresh=refresh, caller=caller_of(request, Front.API))
            # One's own access token beside it, as clients send both, is the same log-in: it ends once.
            leaving = [actor for actor in leaving if actor.login_id != by_token.login_id] + [by_token]
        if not leaving:
            raise NotAuthenticated("Send the access token, or the refresh token in the body.")
        return leaving


class OwnLogins(BasePermission):
    """A person who is logged in; a key only with the permission for it: log-ins tell where somebody is."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        if request.method not in view.allowed_methods:
            # What nobody can do here is not a question of rights.
            raise MethodNotAllowed(str(request.method))
        actor = api_actor(request)
        action = "change" if request.method == "POST" else "view"
        return not actor.key_id or actor.may(f"accounts.{action}_loginsession")


@extend_schema_view(list=extend_schema(summary="Log-ins"), retrieve=extend_schema(summary="One log-in"))
class LoginViewSet(ReadOnlyScopedViewSet):
    model = LoginSession
    serializer_class = LoginSerializer
    filterset_class = LoginFilters
    permission_classes = [OwnLogins]
    related = ("user",)
    never_replayed = frozenset({"end"})

    @extend_schema(summary="End a log-in", request=None, responses=LoginSerializer)
    def end(self, request: Request, pk: str) -> Response:
        login = self.get_object()
        self.body(EmptyBody)
        login = end_login(actor=self.actor, login=login)
        return Response(self.get_serializer(login).data)


def credentials(values: dict[str, Any]) -> Credentials:
    """What a body says of who logs in."""
    return Credentials(values["username"], values["password"], values.get("otp", ""))


def tokens(pair: TokenPair) -> Response:
    """The answer with both tokens, which nobody on the way may keep."""
    body = TOKENS.to_representation({**asdict(pair), "token_type": "Bearer"})
    return Response(body, headers={"Cache-Control": "no-store"})
