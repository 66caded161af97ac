"""What the site writes to people. Plain text; what a stranger can choose in it is a user name, which has no blanks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MailText:
    """A subject and a body."""

    subject: str
    body: str


def confirm_registration(*, site: str, username: str, link: str, hours: int) -> MailText:
    return MailText(
        "Confirm your registration",
        f"Somebody, hopefully you, registered the user name {username} with this e-mail at {site}.\n\n"
        f"If you chose this user name and a password just now, confirm within {hours} hours:\n\n{link}\n\n"
        "If it was not you, do nothing: without the confirmation no account is made.\n",
    )


def already_registered(*, site: str, username: str, reset_link: str) -> MailText:
    return MailText(
        "You are registered already",
        f"Somebody, hopefully you, tried to register with this e-mail at {site}. "
        f"It belongs to an account already; its user name is {username}.\n\n"
        f"If you forgot the password, choose a new one:\n\n{reset_link}\n\n"
        "If it was not you, do nothing: nothing has changed.\n",
    )


def username_taken(*, site: str, username: str, register_link: str) -> MailText:
    return MailText(
        "This user name is taken",
        f"Somebody, hopefully you, tried to register the user name {username} with this e-mail at {site}. "
        f"Somebody else has that user name already. Choose another one:\n\n{register_link}\n\n"
        "If it was not you, do nothing: no account was made.\n",
    )


def invitation(*, site: str, inviter: str, link: str, days: int) -> MailText:
    return MailText(
        "You are invited",
        f"{inviter} invites you to {site}. Choose a user name and a password within {days} days:\n\n{link}\n\n"
        "The link is good once. If you do not want an account, do nothing.\n",
    )


def reset_password(*, site: str, username: str, link: str, minutes: int) -> MailText:
    return MailText(
        "Choose a new password",
        f"Somebody, hopefully you, asked for a new password of the user {username} at {site}. "
        f"Choose one within {minutes} minutes:\n\n{link}\n\n"
        "The link is good once. If it was not you, do nothing: your password stays as it is.\n",
    )


def password_changed(*, site: str, username: str) -> MailText:
    return MailText(
        "Your password was changed",
        f"The password of the user {username} at {site} was changed just now, and other log-ins were ended.\n\n"
        "If it was not you, ask an administrator of the site for help at once.\n",
    )


def confirm_email(*, site: str, username: str, link: str, hours: int) -> MailText:
    return MailText(
        "Confirm your new e-mail",
        f"The user {username} at {site} wants this to be their e-mail. "
        f"If that is you, confirm within {hours} hours:\n\n{link}\n\n"
        "The link is good once. If it was not you, do nothing: nothing changes.\n",
    )


def email_taken(*, site: str) -> MailText:
    return MailText(
        "This e-mail belongs to an account already",
        f"Somebody, hopefully you, wanted to make this the e-mail of an account at {site}. "
        "It belongs to an account there already, so nothing has changed.\n\n"
        "If it was not you, do nothing.\n",
    )


def email_change_requested(*, site: str, username: str, email: str) -> MailText:
    return MailText(
        "Another e-mail was asked for",
        f"Somebody who knows the password of the user {username} at {site} asked for {email} to become the e-mail "
        "of the account, instead of this one. It stays as it is until that is confirmed there.\n\n"
        "If it was not you, change your password at once: that ends the link.\n",
    )


def email_changed(*, site: str, username: str, email: str) -> MailText:
    return MailText(
        "Your e-mail was changed",
        f"The e-mail of the user {username} at {site} is {email} from now on, and all log-ins were ended.\n\n"
        "If it was not you, ask an administrator of the site for help at once.\n",
    )
