"""docs/orm/django_models.py, as the application's role: create, end, read, and what a refusal looks like."""

import os
import pathlib
import sys
import tempfile

import django
from django.conf import settings

# An application that has the file as its models.
folder = tempfile.TemporaryDirectory()
app = pathlib.Path(folder.name) / "calls"
app.mkdir()
(app / "__init__.py").touch()
models_file = pathlib.Path(__file__).parents[2] / "docs/orm/django_models.py"
(app / "models.py").write_text(models_file.read_text())
sys.path.insert(0, folder.name)
settings.configure(
    INSTALLED_APPS=["calls"],
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "HOST": os.environ["PGHOST"],
                           "PORT": os.environ["PGPORT"], "USER": os.environ["PGUSER"]}},
    USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", TIME_ZONE="America/New_York",
)
django.setup()

from calls import models  # noqa: E402
from django.db import IntegrityError, connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from rows import analyzed  # noqa: E402

Call, Turn, ToolCall, Analytics = models.Call, models.Turn, models.ToolCall, models.Analytics
call = Call.objects.create(agent_id="iris", from_number="+12125550142", meta={"sid": "CA1"})
assert call.pk.version == 7 and call.status == "in_progress", call.pk
assert abs((timezone.now() - call.started_at).total_seconds()) < 60, "a time is a time in any zone"
first = Turn.objects.create(call=call, role="assistant", text="Hello")
Turn.objects.bulk_create([Turn(call=call, role="user", text="A cut on Tuesday"), Turn(call=call, role="assistant", text="Booked.")])
ToolCall.objects.create(call=call, name="book", args={"at": [1, 2]}, result=[])
assert first.pk == (call.pk, first.id) and first.id > 0
assert Call.objects.filter(pk=call.pk).update(status="completed") == 1
analyzed(call.pk)
call = Call.objects.select_related("agent", "analytics").prefetch_related("turns", "tool_calls").get(from_number="+12125550142")
assert [t.text for t in call.turns.all()] == ["Hello", "A cut on Tuesday", "Booked."]
assert (call.agent.name, call.meta, call.tool_calls.all()[0].result) == ("Iris", {"sid": "CA1"}, [])
assert call.ended_at and 0 <= call.analytics.lead_score <= 100
assert Analytics.objects.filter(vertical="healthcare", started_at__gte=call.started_at).count() == 1
try:
    with transaction.atomic():
        Call.objects.filter(pk=call.pk).update(status="in_progress", ended_at=None)
    raise SystemExit("an ended call started again")
except IntegrityError as refused:
    assert refused.__cause__.sqlstate == "23514" and "Start a new call" in refused.__cause__.diag.message_hint, refused
for model in (models.Agent, Call, Turn, ToolCall, Analytics):
    table = model._meta.db_table.split('"."')[1]
    with connection.cursor() as cursor:
        cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = ('voice.' || %s)::regclass AND attnum > 0 AND NOT attisdropped", [table])
        columns = {row[0] for row in cursor.fetchall()}
    named = {field.column for field in model._meta.concrete_fields if field.column}
    missing = columns - named - ({"prompt_version", "transcript_hash", "announced"} if table == "analytics" else set())
    assert not missing and named <= columns, (table, missing, named - columns)
print("django: created, ended, read, refused")
