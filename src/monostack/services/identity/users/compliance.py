"""What `[security_compliance]` asks of passwords and of accounts. Source: keystone/identity/backends/sql.py and sql_model.py."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from monostack.core import clock
from monostack.core.config import SecurityCompliance
from monostack.core.errors import BadRequest
from monostack.db import Row
from monostack.services.identity.moments import has_passed


def is_exempt(user: Row, option: str) -> bool:
    """Whether an option of the user spares him a rule."""
    return (user.options or {}).get(option) is True


def check_strength(rules: SecurityCompliance, password: Any) -> None:
    """Raises BadRequest for a new password that is not as `password_regex` wants it."""
    if rules.password_regex is None:
        return
    if not isinstance(password, str):
        raise BadRequest("Password validation error: Password must be a string type.")
    if re.match(rules.password_regex, password) is None:
        raise BadRequest(f"The password does not match the requirements: {rules.password_regex_description}.")


def check_may_change(rules: SecurityCompliance, user: Row) -> None:
    """Raises BadRequest for a user who may not choose another password, or not yet."""
    if is_exempt(user, "lock_password"):
        raise BadRequest(
            "You cannot change your password at this time due to password policy disallowing password changes. Please contact your"
            " administrator to reset your password."
        )
    if not user.password_chosen or user.password_created_at is None:
        return
    left = datetime.fromisoformat(user.password_created_at) + timedelta(days=rules.minimum_password_age) - clock.now()
    if left > timedelta():
        raise BadRequest(
            "You cannot change your password at this time due to the minimum password age. Once you change your password, it must be"
            f" used for {rules.minimum_password_age} day(s) before it can be changed. Please try again in {left.days} day(s) or contact"
            " your administrator to reset your password."
        )


def repeats(rules: SecurityCompliance) -> BadRequest:
    """The complaint about a password that the user had before."""
    return BadRequest(
        "The new password cannot be identical to a previous password. The total number which includes the new password must be unique is"
        f" {rules.unique_last_password_count}."
    )


def expiry(rules: SecurityCompliance, options: Mapping[str, Any], *, chosen: bool) -> datetime | None:
    """When a password that is set now is no longer good; one that the user did not choose may be good for nothing but choosing one."""
    now = clock.now()
    if not chosen and rules.change_password_upon_first_use and options.get("ignore_change_password_upon_first_use") is not True:
        return now
    if rules.password_expires_days is None or options.get("ignore_password_expiry"):
        return None
    return (now + timedelta(days=rules.password_expires_days)).replace(microsecond=0)


def has_expired(user: Row) -> bool:
    return has_passed(user.password_expires_at) and not is_exempt(user, "ignore_password_expiry")


def lock_has_ended(rules: SecurityCompliance, user: Row) -> bool:
    """Whether the last wrong password is longer ago than a user is locked out for."""
    if user.failed_auth_at is None:
        return True
    return clock.now() >= datetime.fromisoformat(user.failed_auth_at) + timedelta(seconds=rules.lockout_duration)


def is_locked(rules: SecurityCompliance, user: Row) -> bool:
    """Whether so many wrong passwords were given for the user that not even the right one lets him in, for a time."""
    limit = rules.lockout_failure_attempts
    if limit is None or user.failed_auth_count < limit or is_exempt(user, "ignore_lockout_failure_attempts"):
        return False
    return not lock_has_ended(rules, user)


def last_useful_day(rules: SecurityCompliance) -> date | None:
    """Who was not active after this day is inactive; None: nobody ever is."""
    days = rules.disable_user_account_days_inactive
    return None if days is None else clock.now().date() - timedelta(days=days)


def is_inactive(rules: SecurityCompliance, user: Row) -> bool:
    """Whether the user has not logged in, or been made or enabled, for so many days that he counts as disabled."""
    last = last_useful_day(rules)
    if last is None or is_exempt(user, "ignore_user_inactivity"):
        return False
    return date.fromisoformat((user.last_active_at or user.created_at)[:10]) <= last
