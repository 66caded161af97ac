"""The WSGI application that gunicorn serves."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

# gunicorn's own status of a worker that can't boot: it stops then, instead of starting another.
_CANNOT_BOOT = 3

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")

try:
    application = get_wsgi_application()
except ImproperlyConfigured as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(_CANNOT_BOOT)
