"""A person with a second factor, and the codes that their app would show."""

from __future__ import annotations

from accounts.models import SecondFactor, User
from accounts.second_factor_codes import code_of_step, step_at
from accounts.services.second_factor import begin_second_factor, confirm_second_factor
from tradingsite.core import clock
from tradingsite.core.actor import Actor, Front


class App:
    """The app on somebody's phone: knows the secret, and shows a code that was not used yet."""

    def __init__(self, user: User, secret: str, recovery_codes: list[str]) -> None:
        self.user, self.secret, self.recovery_codes = user, secret, recovery_codes

    @property
    def code(self) -> str:
        """The code of the first step that is still good: of the next one, when this one's was used."""
        last = SecondFactor.objects.get(user=self.user).last_step
        now = step_at(clock.now())
        return code_of_step(self.secret, now if last is None or last < now else last + 1)

    @property
    def wrong_code(self) -> str:
        """Six digits that are the code of no step around now."""
        now = step_at(clock.now())
        near = {code_of_step(self.secret, now + step) for step in range(-3, 4)}
        return next(code for number in range(10) if (code := f"{number}{number}{number}123") not in near)


def set_up(user: User) -> App:
    """Switch the second factor on, as the user would in the admin."""
    actor = Actor.of(user, front=Front.ADMIN)
    secret = begin_second_factor(actor=actor).secret
    codes = confirm_second_factor(actor=actor, code=code_of_step(secret, step_at(clock.now())))
    # The step of the confirmation is as good as long past, so that tests need not wait for the next one.
    SecondFactor.objects.filter(user=user).update(last_step=None)
    return App(user, secret, codes)
