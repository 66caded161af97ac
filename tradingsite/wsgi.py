"""The WSGI application that gunicorn serves."""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured

# gunicorn's own status of a worker that can't boot: it stops then, instead of starting another.
_CANNOT_BOOT = 3

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")

try:
    django.setup(set_prefix=False)
    # Not before: it reads the settings.
    from tradingsite.core.wsgi import DeskHandler

    application = DeskHandler()
except ImproperlyConfigured as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(_CANNOT_BOOT)
