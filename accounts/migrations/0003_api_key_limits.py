import django.db.models.deletion
import tradingsite.core.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_api_key_scopes'),
        # The one dependency that points up; portfolio's first migration asks for users only, so there is no ring.
        ('portfolio', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='allowed_addresses',
            field=tradingsite.core.fields.PlainJSONField(blank=True, help_text='Networks that it works from, as in 10.0.0.0/8. Empty: from anywhere.', null=True),
        ),
        migrations.AddField(
            model_name='apikey',
            name='portfolio',
            field=models.ForeignKey(blank=True, help_text='The only portfolio that it sees. Empty: all that its owner sees.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolio.portfolio'),
        ),
        migrations.AddField(
            model_name='apikey',
            name='symbols',
            field=tradingsite.core.fields.PlainJSONField(blank=True, help_text='The symbols that it may trade. Empty: all.', null=True),
        ),
        migrations.AddField(
            model_name='apikey',
            name='daily_notional',
            field=tradingsite.core.fields.MoneyField(blank=True, help_text="What it may trade a day, in the portfolio's currency. Empty: no limit.", null=True),
        ),
    ]
