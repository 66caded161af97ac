import tradingsite.core.fields
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='scopes',
            field=tradingsite.core.fields.PlainJSONField(blank=True, help_text="Empty: the owner's rights, but administration.", null=True),
        ),
    ]
