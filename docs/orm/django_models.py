"""The tables of schema voice for Django 5.2 and newer, unmanaged: migrations leave them alone.

The app needs a migration with django.contrib.postgres.operations.CreateExtension("voice_analytics") where tests make
their own database. The worker writes Analytics and Result; read them.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Func, Value
from django.db.models.functions import Now


class NewCallId(Func):
    function = "voice_uuidv7"
    arity = 0
    output_field = models.UUIDField()


class Tenant(Func):
    function = "voice._tenant"
    arity = 0
    output_field = models.TextField()


def next_of(sequence: str) -> Func:
    return Func(Value(sequence), function="nextval", template="nextval(%(expressions)s::text)", output_field=models.BigIntegerField())


class Agent(models.Model):
    id = models.TextField(primary_key=True)
    tenant_id = models.TextField(db_default=Tenant())
    name = models.TextField(db_default="")
    vertical = models.TextField(db_default="general")
    prompt_hash = models.TextField(null=True)
    voice = models.TextField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = 'voice"."agent'


class Call(models.Model):
    id = models.UUIDField(primary_key=True, db_default=NewCallId())
    tenant_id = models.TextField(db_default=Tenant())
    agent = models.ForeignKey(Agent, models.DO_NOTHING, related_name="calls")
    external_id = models.TextField(null=True)
    direction = models.TextField(db_default="inbound")
    from_number = models.TextField(null=True)
    to_number = models.TextField(null=True)
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    duration_ms = models.IntegerField(null=True)
    status = models.TextField(db_default="in_progress")
    end_reason = models.TextField(null=True)
    recording_url = models.TextField(null=True)
    language = models.TextField(null=True)
    meta = models.JSONField(null=True)
    cost = models.DecimalField(null=True, max_digits=20, decimal_places=10)
    cost_currency = models.TextField(null=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = 'voice"."call'


class Turn(models.Model):
    pk = models.CompositePrimaryKey("call", "id")
    call = models.ForeignKey(Call, models.DO_NOTHING, related_name="turns")
    id = models.BigIntegerField(db_default=next_of("voice.turn_id_seq"))
    tenant_id = models.TextField(db_default=Tenant())
    role = models.TextField()
    speaker = models.TextField(null=True)
    external_id = models.TextField(null=True)
    text = models.TextField()
    started_at = models.DateTimeField(db_default=Func(function="clock_timestamp", output_field=models.DateTimeField()))
    ended_at = models.DateTimeField(null=True)
    audio_url = models.TextField(null=True)
    interrupted = models.BooleanField(db_default=False)
    transcription_ms = models.IntegerField(null=True)
    llm_ttft_ms = models.IntegerField(null=True)
    tts_ttfb_ms = models.IntegerField(null=True)
    e2e_latency_ms = models.IntegerField(null=True)

    class Meta:
        managed = False
        db_table = 'voice"."turn'
        ordering = ["started_at", "id"]


class ToolCall(models.Model):
    pk = models.CompositePrimaryKey("call", "id")
    call = models.ForeignKey(Call, models.DO_NOTHING, related_name="tool_calls")
    id = models.BigIntegerField(db_default=next_of("voice.tool_call_id_seq"))
    tenant_id = models.TextField(db_default=Tenant())
    turn_id = models.BigIntegerField(null=True)
    name = models.TextField()
    args = models.JSONField(default=dict)
    result = models.JSONField(null=True)
    error_text = models.TextField(null=True)
    external_id = models.TextField(null=True)
    latency_ms = models.IntegerField(null=True)
    invoked_at = models.DateTimeField(db_default=Func(function="clock_timestamp", output_field=models.DateTimeField()))

    class Meta:
        managed = False
        db_table = 'voice"."tool_call'
        ordering = ["invoked_at", "id"]


class Analytics(models.Model):
    call = models.OneToOneField(Call, models.DO_NOTHING, primary_key=True, related_name="analytics")
    tenant_id = models.TextField()
    agent_id = models.TextField()
    vertical = models.TextField()
    started_at = models.DateTimeField()
    from_number = models.TextField(null=True)
    contact_number = models.TextField(null=True)
    external_id = models.TextField(null=True)
    sentiment = models.FloatField()
    lead_score = models.SmallIntegerField()
    intent = models.TextField()
    entities = models.JSONField()
    summary = models.TextField()
    next_action = models.TextField()
    model = models.TextField()
    prompt_tokens = models.IntegerField(null=True)
    completion_tokens = models.IntegerField(null=True)
    computed_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)
    evidence = models.JSONField(null=True)
    unsupported = models.SmallIntegerField(null=True)

    class Meta:
        managed = False
        db_table = 'voice"."analytics'


class Result(models.Model):
    pk = models.CompositePrimaryKey("call", "analysis", "version")
    call = models.ForeignKey(Call, models.DO_NOTHING, related_name="results")
    analysis = models.TextField()
    version = models.IntegerField()
    tenant_id = models.TextField()
    agent_id = models.TextField()
    vertical = models.TextField()
    started_at = models.DateTimeField()
    values = models.JSONField()
    criteria = models.JSONField()
    score = models.SmallIntegerField(null=True)
    success = models.TextField()
    evidence = models.JSONField()
    unsupported = models.SmallIntegerField()
    refused = ArrayField(models.TextField(), null=True)
    model = models.TextField()
    prompt_tokens = models.IntegerField(null=True)
    completion_tokens = models.IntegerField(null=True)
    computed_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = 'voice"."result'
