import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_api_key_limits'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='rotated_to',
            field=models.ForeignKey(editable=False, help_text='The key that follows.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.apikey'),
        ),
        migrations.AddField(
            model_name='apikey',
            name='overlap_until',
            field=models.DateTimeField(editable=False, help_text='When a rotated key ends in favour of the one that follows.', null=True),
        ),
    ]
