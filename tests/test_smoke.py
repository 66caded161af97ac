"""The very first steps."""

from django.test import Client


def test_the_home_page_leads_to_the_admin(db: None) -> None:
    response = Client().get("/")
    assert response.status_code == 302
    assert response["Location"] == "/admin/"


def test_the_login_page_shows(db: None) -> None:
    assert Client().get("/admin/login/").status_code == 200


def test_an_unknown_api_path_is_a_problem(db: None) -> None:
    response = Client().get("/api/v1/nothing")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
