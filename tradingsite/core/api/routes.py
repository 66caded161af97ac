"""Which action a method of an address calls, in the words of the viewsets."""

from typing import Any

#: What `as_view` takes.
Actions = dict[str, Any]

LIST: Actions = {"get": "list"}
ONE: Actions = {"get": "retrieve"}
CREATE: Actions = {"post": "create"}
CHANGE: Actions = {"patch": "partial_update"}
DROP: Actions = {"delete": "destroy"}
