import accounts.models.fields
import django.db.models.deletion
import tradingsite.core.clock
import tradingsite.core.fields
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_api_key_rotation'),
        ('portfolio', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Registration',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', accounts.models.fields.EmailAddressField(max_length=254, verbose_name='e-mail')),
                ('username', accounts.models.fields.UsernameField(max_length=150)),
                ('password', models.CharField(editable=False, help_text='Its Argon2id hash.', max_length=128)),
                ('token_digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('created_at', models.DateTimeField(default=tradingsite.core.clock.now, editable=False)),
                ('expires_at', models.DateTimeField(editable=False)),
            ],
            options={
                'verbose_name': 'registration',
                'db_table': 'registrations',
                'ordering': ['-id'],
                'default_permissions': ('view',),
            },
        ),
        migrations.AddField(
            model_name='user',
            name='session_epoch',
            field=models.PositiveIntegerField(default=0, editable=False, help_text='Counted up to end every session of the admin at once.'),
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', accounts.models.fields.EmailAddressField(help_text='Where the invitation is sent.', max_length=254, verbose_name='e-mail')),
                ('roles', tradingsite.core.fields.PlainJSONField(blank=True, default=list, help_text='Names of roles. Empty: viewer.')),
                ('token_digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('created_at', models.DateTimeField(default=tradingsite.core.clock.now, editable=False)),
                ('expires_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('accepted_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('accepted_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('owner', models.ForeignKey(help_text='Who invites.', on_delete=django.db.models.deletion.PROTECT, related_name='invitations', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'invitation',
                'db_table': 'invitations',
                'ordering': ['-id'],
                'default_permissions': ('view', 'add', 'change'),
            },
        ),
        migrations.CreateModel(
            name='LoginSession',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=32, unique=True)),
                ('refresh_id', models.CharField(editable=False, help_text='The id of the one refresh token that is still good.', max_length=32)),
                ('started_at', models.DateTimeField(default=tradingsite.core.clock.now, editable=False)),
                ('refreshed_at', models.DateTimeField(default=tradingsite.core.clock.now, editable=False)),
                ('expires_at', models.DateTimeField(editable=False)),
                ('ended_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('end_reason', models.CharField(blank=True, choices=[('logout', 'Logged out'), ('password', 'Password changed'), ('demotion', 'Rights taken away'), ('deactivation', 'Deactivated'), ('reuse', 'Refresh token used twice'), ('factor', 'Second factor reset'), ('email', 'E-mail changed')], editable=False, max_length=12)),
                ('address', models.GenericIPAddressField(editable=False, null=True)),
                ('user_agent', models.CharField(blank=True, editable=False, max_length=200)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='login_sessions', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'log-in',
                'db_table': 'login_sessions',
                'ordering': ['-id'],
                'default_permissions': ('view', 'change'),
            },
        ),
        migrations.CreateModel(
            name='SecondFactor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('secret', models.TextField(editable=False, help_text='Encrypted.')),
                ('created_at', models.DateTimeField(default=tradingsite.core.clock.now, editable=False)),
                ('confirmed_at', models.DateTimeField(editable=False, null=True)),
                ('last_step', models.BigIntegerField(editable=False, help_text='The time step of the last code that was taken: none is taken twice.', null=True)),
                ('failures', models.PositiveSmallIntegerField(default=0, editable=False, help_text='Wrong codes of the app since the last right one.')),
                ('refused_until', models.DateTimeField(editable=False, help_text='Until when codes of the app are refused, after too many wrong ones.', null=True)),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='second_factor', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'second factor',
                'db_table': 'second_factors',
                'ordering': ['user_id'],
                'default_permissions': ('view', 'change'),
            },
        ),
        migrations.CreateModel(
            name='LoginFailures',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name_digest', models.CharField(editable=False, help_text='SHA-256 of the user name.', max_length=64)),
                ('place', models.CharField(editable=False, help_text='The address; of IPv6 its network.', max_length=40)),
                ('failures', models.PositiveIntegerField(default=0, editable=False)),
                ('last_failed_at', models.DateTimeField(db_index=True, editable=False)),
                ('locked_until', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'verbose_name': 'failed log-ins',
                'verbose_name_plural': 'failed log-ins',
                'db_table': 'login_failures',
                'ordering': ['-id'],
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('name_digest', 'place'), name='login_failures_once')],
            },
        ),
        migrations.CreateModel(
            name='UserSettings',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('time_zone', models.CharField(default='UTC', help_text='In which times are shown, as in America/New_York. Stored in UTC.', max_length=64)),
                ('theme', models.CharField(choices=[('auto', 'As the system'), ('light', 'Light'), ('dark', 'Dark')], default='auto', max_length=5)),
                ('notifications', tradingsite.core.fields.PlainJSONField(blank=True, default=dict, help_text='What to be told of by e-mail.')),
                ('default_portfolio', models.ForeignKey(blank=True, help_text='The one that is shown first.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolio.portfolio')),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='settings', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'settings of a user',
                'verbose_name_plural': 'settings of users',
                'db_table': 'user_settings',
                'ordering': ['user_id'],
                'default_permissions': ('view', 'change'),
            },
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(editable=False, max_length=64)),
                ('created_at', models.DateTimeField(default=tradingsite.core.clock.now, editable=False)),
                ('used_at', models.DateTimeField(editable=False, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='recovery_codes', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'recovery code',
                'db_table': 'recovery_codes',
                'ordering': ['id'],
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('user', 'digest'), name='recovery_codes_once')],
            },
        ),
    ]
