"""People with passwords, and logging them in over the API."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from accounts.models import User

PASSWORD = "a long password 1"
TOKEN, REFRESH, LOGIN, LOGOUT = (f"/api/v1/auth/{name}/" for name in ("token", "token/refresh", "login", "logout"))
ME, LOGINS = "/api/v1/auth/me/", "/api/v1/auth/logins/"


def with_password(user: User, password: str = PASSWORD) -> User:
    """The user with a password, set behind the services' back."""
    user.set_password(password)
    user.save(update_fields=["password"])
    return user


def try_to_log_in(username: str, password: str = PASSWORD, *, address: str = "203.0.113.7", **more: Any) -> Any:
    """The answer of `auth/token/`."""
    body = {"username": username, "password": password, **more}
    return APIClient().post(TOKEN, body, REMOTE_ADDR=address)


def log_in(user: User, password: str = PASSWORD) -> dict[str, Any]:
    """The tokens of a new log-in."""
    answer = try_to_log_in(user.username, password)
    assert answer.status_code == 200, answer.content
    tokens: dict[str, Any] = answer.json()
    return tokens


def with_token(text: str) -> APIClient:
    """A client that sends this access token."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def logged_in(user: User) -> APIClient:
    """A client that is logged in as the user."""
    return with_token(log_in(user)["access"])


def refresh(text: str) -> Any:
    """The answer of `auth/token/refresh/`."""
    return APIClient().post(REFRESH, {"refresh": text})
