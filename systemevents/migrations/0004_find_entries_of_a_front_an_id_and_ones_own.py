"""The rest of what the trail is filtered by: the front, an id without its table, what somebody did of one kind."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("systemevents", "0003_find_entries_of_a_key_a_request_an_address"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="auditlog",
            index=models.Index(fields=["front", "-id"], name="audit_front"),
        ),
        migrations.AddIndex(
            model_name="auditlog",
            index=models.Index(fields=["object_id", "-id"], name="audit_object_id"),
        ),
        migrations.AddIndex(
            model_name="auditlog",
            index=models.Index(fields=["actor", "action", "-id"], name="audit_own_action"),
        ),
    ]
