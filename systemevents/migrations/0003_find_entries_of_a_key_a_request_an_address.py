"""What the trail is filtered by is found by an index: the name, the key, the request, the address."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("systemevents", "0002_audit_seals"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="auditlog",
            index=models.Index(fields=["actor_label", "-id"], name="audit_who"),
        ),
        migrations.AddIndex(
            model_name="auditlog",
            index=models.Index(fields=["key_id", "-id"], name="audit_key"),
        ),
        migrations.AddIndex(
            model_name="auditlog",
            index=models.Index(fields=["request_id"], name="audit_request"),
        ),
        migrations.AddIndex(
            model_name="auditlog",
            index=models.Index(fields=["address", "-id"], name="audit_address"),
        ),
    ]
