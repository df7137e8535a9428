"""One agent, chosen above, beside what all agents of the tenant do."""

from grafana_foundation_sdk.builders import dashboard as build

from days import DAYS, TIME
from panels import bars, dashboard, figures, lines, rows, shown, variable

MINE = "d.agent_id = ${agent:sqlstring}"
DAILY = f"voice.daily d WHERE {MINE} AND {DAYS}"
SHARE = ("percentunit", ("red", 0.6, "orange", 0.8, "green"))
STARTED = ("voice_uuid_at($__timeFrom()::timestamptz - interval '24 hours')", "voice_uuid_at($__timeTo()::timestamptz + interval '24 hours')")


def summary(board: build.Dashboard) -> None:
    board.with_panel(figures("Today", "Calls that began today, as they are now.", """
        SELECT count(*) AS "Calls", count(*) FILTER (WHERE c.status = 'in_progress') AS "In progress", count(*) FILTER (WHERE c.status = 'failed') AS "Failed",
               count(*) FILTER (WHERE c.status = 'transferred') AS "Transferred"
        FROM (SELECT date_trunc('day', now(), voice._zone()) AS midnight) today
        JOIN voice.call c ON c.started_at >= today.midnight AND c.id >= voice_uuid_at(today.midnight - interval '24 hours')
        WHERE c.agent_id = ${agent:sqlstring} AND c.deleted_at IS NULL
        """, 7, {"/.*/": shown("short"), "Failed": shown("short", ("green", 1, "orange"))}))
    board.with_panel(figures("Days shown", "Up to yesterday.", f"""
        SELECT sum(d.calls) AS "Calls", sum(d.minutes) AS "Minutes", sum(d.sentiment_sum) / nullif(sum(d.analyzed), 0) AS "Sentiment",
               (sum(d.lead_score_sum) / nullif(sum(d.analyzed), 0))::double precision AS "Lead score", sum(d.hot_leads) AS "Hot leads",
               sum(d.analyses_passed)::double precision / nullif(sum(d.analyses_passed + d.analyses_failed), 0) AS "Success"
        FROM {DAILY}
        """, 11, {"/Calls|Hot leads/": shown("short"), "Minutes": shown("short", decimals=0), "Lead score": shown("none", decimals=0),
                  "Sentiment": shown("none", ("red", -0.1, "orange", 0.1, "green"), decimals=2), "Success": shown(*SHARE)}))
    board.with_panel(figures("Newest day", "Of the last day shown that has calls: from the caller's last word to the agent's first, and tools.", f"""
        SELECT d.e2e_p50_ms AS "Answer p50", d.e2e_p95_ms AS "Answer p95", d.tool_p95_ms AS "Tools p95"
        FROM {DAILY} ORDER BY d.day DESC LIMIT 1
        """, 6, {"/Answer p50|Tools p95/": shown("ms"), "Answer p95": shown("ms", ("green", 1500, "orange", 3000, "red"))}))


def by_day(board: build.Dashboard) -> None:
    board.with_row(build.Row("By day"))
    board.with_panel(bars("Calls", "By how they ended.", f"""
        SELECT {TIME}, d.completed, d.transferred, d.failed
        FROM {DAILY} ORDER BY 1
        """, 8, fields={"failed": shown(color={"mode": "fixed", "fixedColor": "red"})}))
    board.with_panel(lines("Sentiment", "This agent's callers, and those of all agents.", f"""
        SELECT {TIME}, sum(d.sentiment_sum) FILTER (WHERE {MINE}) / nullif(sum(d.analyzed) FILTER (WHERE {MINE}), 0) AS "this agent",
               sum(d.sentiment_sum) / nullif(sum(d.analyzed), 0) AS "all agents"
        FROM voice.daily d WHERE {DAYS} GROUP BY d.day ORDER BY 1
        """, 8, "none", low=-1, high=1))
    board.with_panel(lines("Lead score", "Mean over the analysed calls.", f"""
        SELECT {TIME}, d.avg_lead_score AS "lead score"
        FROM {DAILY} ORDER BY 1
        """, 8, "none", high=100))
    board.with_panel(lines("Success", "Passed of those passed or failed, by analysis.", f"""
        SELECT {TIME}, d.analysis AS metric, sum(d.passed)::double precision / nullif(sum(d.passed + d.failed), 0) AS success
        FROM voice.daily_result d WHERE {MINE} AND {DAYS} GROUP BY d.day, d.analysis ORDER BY 1, 2
        """, 8, "percentunit", high=1))
    board.with_panel(lines("Answer time", "From the caller's last word to the agent's first.", f"""
        SELECT {TIME}, d.e2e_p50_ms AS p50, d.e2e_p95_ms AS p95
        FROM {DAILY} ORDER BY 1
        """, 8, "ms"))
    board.with_panel(lines("Tools", "Latency, and on the right the share that failed.", f"""
        SELECT {TIME}, d.tool_p50_ms AS p50, d.tool_p95_ms AS p95, d.tool_errors::double precision / nullif(d.tool_calls, 0) AS failed
        FROM {DAILY} ORDER BY 1
        """, 8, "ms", fields={"failed": [*shown("percentunit"), *shown(**{"custom.axisPlacement": "right"})]}))


def calls(board: build.Dashboard) -> None:
    board.with_row(build.Row("What callers made of it"))
    board.with_panel(lines("Sentiment by hour, last 48 hours", "voice_sentiment_trend(), whatever the dashboard shows.", """
        SELECT t.bucket AS time, t.avg_sentiment AS sentiment
        FROM voice_sentiment_trend($__timeFrom()::timestamptz, ${agent:sqlstring}, 'hour') t WHERE t.bucket <= $__timeTo()::timestamptz ORDER BY 1
        """, 8, "none", last="48h", low=-1, high=1))
    board.with_panel(rows("Scorecard", "voice_scorecard(), from the first day shown until now.", """
        SELECT s.analysis AS "Analysis", s.version AS "Version", s.calls AS "Calls", s.success_rate AS "Success", s.avg_score AS "Score",
               s.unsupported AS "Unsupported"
        FROM voice_scorecard($__timeFrom()::timestamptz, 'agent') s WHERE s.group_key = ${agent:sqlstring}
        ORDER BY s.analysis, s.version DESC
        """, 8, {"Success": shown(*SHARE), "Score": shown("none", decimals=0)}))
    board.with_panel(rows("Criteria", "The least met first.", """
        SELECT s.analysis AS "Analysis", s.version AS "Version", k.key AS "Criterion", (k.value->>'judged')::bigint AS "Judged",
               (k.value->>'pass_rate')::double precision AS "Met"
        FROM voice_scorecard($__timeFrom()::timestamptz, 'agent') s CROSS JOIN LATERAL jsonb_each(s.criteria) k
        WHERE s.group_key = ${agent:sqlstring}
        ORDER BY 5 NULLS LAST, 1, 3
        """, 8, {"Met": shown(*SHARE)}))
    board.with_panel(rows("Most unhappy callers, last 48 hours", "Whatever the dashboard shows.", f"""
        SELECT a.started_at AS "Started", a.sentiment AS "Sentiment", a.lead_score AS "Lead score", a.intent AS "Intent", a.call_id::text AS "Call"
        FROM voice.analytics a
        WHERE $__timeFilter(a.started_at) AND a.call_id BETWEEN {STARTED[0]} AND {STARTED[1]} AND a.agent_id = ${{agent:sqlstring}} AND a.deleted_at IS NULL
        ORDER BY a.sentiment, a.started_at DESC LIMIT 20
        """, 12, {"Started": shown("dateTimeAsSystem"), "Sentiment": shown("none", decimals=2)}, last="48h"))
    board.with_panel(rows("Newest calls", "Of the time shown.", f"""
        SELECT c.started_at AS "Started", c.status AS "Status", c.duration_ms AS "Duration", a.sentiment AS "Sentiment", a.lead_score AS "Lead score",
               a.intent AS "Intent", c.id::text AS "Call"
        FROM (SELECT c.id, c.started_at, c.status, c.duration_ms FROM voice.call c
              WHERE c.agent_id = ${{agent:sqlstring}} AND $__timeFilter(c.started_at) AND c.id BETWEEN {STARTED[0]} AND {STARTED[1]} AND c.deleted_at IS NULL
              ORDER BY c.started_at DESC LIMIT 50) c
        LEFT JOIN voice.analytics a ON a.call_id = c.id
        ORDER BY c.started_at DESC
        """, 12, {"Started": shown("dateTimeAsSystem"), "Duration": shown("ms"), "Sentiment": shown("none", decimals=2)}))


def agents() -> build.Dashboard:
    board = dashboard("voice-agents", "Voice: one agent", "One agent, beside all agents of the data source's tenant.", "now-14d", "5m")
    board.with_variable(variable("agent", "Agent", """SELECT id AS __value, coalesce(nullif(name, ''), id) AS __text FROM voice.agent
WHERE deleted_at IS NULL ORDER BY 2, 1"""))
    summary(board)
    by_day(board)
    calls(board)
    return board
