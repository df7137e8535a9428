"""The alert rules of ../alerts.yaml for Grafana's own alerting: their names, times, severities and words, with SQL instead of PromQL."""

import re

from grafana_foundation_sdk.builders import alerting, expr
from grafana_foundation_sdk.models.alerting import RelativeTimeRange
from grafana_foundation_sdk.models import dashboard as model

from panels import PLUGIN, Query

# Of the data source that provisioning/datasources makes.
SOURCE = model.DataSourceRef(type_val=PLUGIN, uid="voice")
EXPRESSION = model.DataSourceRef(type_val="__expr__", uid="__expr__")

FIGURE = "SELECT current_database()::text AS datname, {}::double precision AS value FROM voice.metrics m"

# What PromQL says of several figures or of their change: (query, threshold). Each without a dollar, for Grafana puts
# variables of its environment into provisioned queries.
OWN = {
    "VoiceNotServing": (FIGURE.format(
        "(m.worker_up = 1 AND m.serving = 0 AND coalesce(m.paused, 0) = 0 AND m.restored_copy = 0)::int"), 0),
    "VoiceAnalysisSlow": (FIGURE.format("CASE WHEN m.live_queued > 0 THEN coalesce(m.analysis_p95_seconds, 0) ELSE 0 END"), 60),
    # SQL has no earlier value: as long as there are any.
    "VoiceDeadJobs": (FIGURE.format("coalesce(m.dead, 0)"), 0),
    "VoiceWebhookDisabled": (FIGURE.format("coalesce(m.webhooks_disabled, 0)"), 0),
    # Of the data source's tenant. A row in any case: no row would be an alert of its own.
    "VoiceModelFails": ("""
        SELECT current_database()::text AS datname, coalesce(f.model, 'none') AS model, coalesce(f.failed / f.attempts, 0)::double precision AS value
        FROM (SELECT) one LEFT JOIN (
            SELECT t.model, count(*)::double precision AS attempts, count(*) FILTER (WHERE t.outcome IN ('failed', 'snoozed', 'dead')) AS failed
            FROM voice.attempt t
            WHERE t.kind = 'analyze' AND t.call_id >= voice_uuid_at(now() - interval '48 hours') AND t.created_at > now() - interval '15 minutes'
              AND t.model IS NOT NULL AND t.outcome NOT IN ('skipped', 'discarded', 'part')
            GROUP BY t.model HAVING count(*) FILTER (WHERE t.outcome IN ('failed', 'snoozed', 'dead')) > 9) f ON true
        ORDER BY 2""", 1 / 6),
}
WORDS = {"VoiceDeadJobs": {"summary": "{{ $labels.datname }}: {{ $values.A.Value }} jobs have given up"}}
SIMPLE = re.compile(r"voice_analytics_(\w+) (==|>|<) (\d+)")


def asked(rule: dict) -> tuple[str, str, float]:
    """The query of a rule, how its value is compared, and with what."""
    if rule["alert"] in OWN:
        query, threshold = OWN[rule["alert"]]
        return query, "gt", threshold
    simple = SIMPLE.fullmatch(rule["expr"])
    if simple is None:
        raise SystemExit(f"{rule['alert']} has an expression that is more than one figure: alerts.py needs its SQL")
    figure, comparison, number = simple.groups()
    if comparison == "==":
        return FIGURE.format(f"(m.{figure} = {number})::int"), "gt", 0
    return FIGURE.format(f"coalesce(m.{figure}, 0)" if comparison == ">" else f"m.{figure}"), {">": "gt", "<": "lt"}[comparison], float(number)


def grafana_rule(rule: dict) -> dict:
    """A rule as provisioning files have it, from one of Prometheus'."""
    name = rule["alert"]
    query, comparison, threshold = asked(rule)
    words = rule["annotations"] | WORDS.get(name, {})
    condition = (expr.TypeThreshold().datasource(EXPRESSION).expression("A").ref_id("B").conditions([
        expr.ExprTypeThresholdConditions().evaluator(expr.ExprTypeThresholdConditionsEvaluator().type(comparison).params([threshold]))]))
    made = (alerting.Rule(name).uid(re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()).condition("B").for_val(rule.get("for", "0s"))
            .no_data_state("NoData").exec_err_state("Error").labels(rule["labels"])
            .annotations({key: re.sub(r"\$value\b(?!s)", "$values.A.Value", text) for key, text in words.items()})
            .with_query(alerting.Query("A").datasource_uid("voice").relative_time_range(RelativeTimeRange(from_val=600, to=0))
                        .model(Query(query, source=SOURCE)))
            .with_query(alerting.Query("B").datasource_uid("__expr__").relative_time_range(RelativeTimeRange(from_val=600, to=0)).model(condition)))
    return made.build()
