"""How calls go: from roll-ups, whole days up to yesterday; scorecards and leads with what today has."""

from grafana_foundation_sdk.builders import dashboard as build

from days import DAYS, TIME
from panels import bars, dashboard, figures, lines, rows, shown, variable

DAILY = f"voice.daily d JOIN voice.agent g ON g.id = d.agent_id WHERE g.vertical IN (${{vertical:sqlstring}}) AND {DAYS}"
RESULTS = f"voice.daily_result d WHERE d.vertical IN (${{vertical:sqlstring}}) AND {DAYS}"
SHARE = ("percentunit", ("red", 0.6, "orange", 0.8, "green"))
# A row's agent leads to the dashboard of that agent.
TO_AGENT = [{"title": "This agent", "url": "/d/voice-agents?var-agent=${__data.fields.Agent:percentencode}&var-datasource=${datasource:percentencode}"}]


def summary(board: build.Dashboard) -> None:
    board.with_panel(figures("Calls", "Of the days shown, up to yesterday: what is being called today is not rolled up yet.", f"""
        SELECT sum(d.calls) AS "Calls", sum(d.minutes) AS "Minutes",
               sum(d.completed)::double precision / nullif(sum(d.calls - d.in_progress), 0) AS "Completed",
               sum(d.transferred)::double precision / nullif(sum(d.calls - d.in_progress), 0) AS "Transferred",
               sum(d.analyzed)::double precision / nullif(sum(d.calls), 0) AS "Analysed"
        FROM {DAILY}
        """, 12, {"Calls": shown("short"), "Minutes": shown("short", decimals=0), "/Completed|Transferred/": shown("percentunit"),
                  "Analysed": shown("percentunit", ("red", 0.9, "orange", 0.98, "green"))}))
    board.with_panel(figures("Callers", "Sentiment from -1 (angry) to 1 (delighted), lead score from 0 to 100, means over the analysed calls; hot: score 80 and more, intent sales.", f"""
        SELECT sum(d.sentiment_sum) / nullif(sum(d.analyzed), 0) AS "Sentiment",
               (sum(d.lead_score_sum) / nullif(sum(d.analyzed), 0))::double precision AS "Lead score", sum(d.hot_leads) AS "Hot leads"
        FROM {DAILY}
        """, 8, {"Sentiment": shown("none", ("red", -0.1, "orange", 0.1, "green"), decimals=2), "Lead score": shown("none", decimals=0),
                 "Hot leads": shown("short")}))
    board.with_panel(figures("Success", "Of all analyses with criteria: passed of those passed or failed.", f"""
        SELECT sum(d.passed)::double precision / nullif(sum(d.passed + d.failed), 0) AS "Success"
        FROM {RESULTS}
        """, 4, {"Success": shown(*SHARE)}))


def by_day(board: build.Dashboard) -> None:
    board.with_row(build.Row("By day"))
    board.with_panel(bars("Calls", "By how they ended.", f"""
        SELECT {TIME}, sum(d.completed) AS completed, sum(d.transferred) AS transferred, sum(d.failed) AS failed
        FROM {DAILY} GROUP BY d.day ORDER BY 1
        """, 8, fields={"failed": shown(color={"mode": "fixed", "fixedColor": "red"})}))
    board.with_panel(lines("Sentiment", "Mean over the analysed calls.", f"""
        SELECT {TIME}, sum(d.sentiment_sum) / nullif(sum(d.analyzed), 0) AS sentiment
        FROM {DAILY} GROUP BY d.day ORDER BY 1
        """, 8, "none", low=-1, high=1))
    board.with_panel(lines("Success", "Passed of those passed or failed, by analysis.", f"""
        SELECT {TIME}, d.analysis AS metric, sum(d.passed)::double precision / nullif(sum(d.passed + d.failed), 0) AS success
        FROM {RESULTS} GROUP BY d.day, d.analysis ORDER BY 1, 2
        """, 8, "percentunit", high=1))
    board.with_panel(lines("Lead score", "Mean over the analysed calls.", f"""
        SELECT {TIME}, (sum(d.lead_score_sum) / nullif(sum(d.analyzed), 0))::double precision AS "lead score"
        FROM {DAILY} GROUP BY d.day ORDER BY 1
        """, 8, "none", high=100))
    board.with_panel(lines("Tools that failed", "Tool calls with an error, of all tool calls.", f"""
        SELECT {TIME}, sum(d.tool_errors)::double precision / nullif(sum(d.tool_calls), 0) AS failed
        FROM {DAILY} GROUP BY d.day ORDER BY 1
        """, 8, "percentunit"))
    board.with_panel(bars("Intents", "Of the last 24 hours, whatever the dashboard shows: roll-ups have no intents.", """
        SELECT $__timeGroupAlias(a.started_at, '1h'), a.intent AS metric, count(*) AS calls
        FROM voice.analytics a
        WHERE $__timeFilter(a.started_at) AND a.deleted_at IS NULL AND a.vertical IN (${vertical:sqlstring})
          AND a.call_id BETWEEN voice_uuid_at($__timeFrom()::timestamptz - interval '24 hours') AND voice_uuid_at($__timeTo()::timestamptz + interval '24 hours')
        GROUP BY 1, 2 ORDER BY 1, 2
        """, 8, last="24h"))


def scorecards(board: build.Dashboard) -> None:
    board.with_row(build.Row("Scorecards and leads, from the first day shown until now"))
    board.with_panel(rows("Scorecards", "voice_scorecard(): each call counts for the newest version that judged it. Unsupported: quotes that do not stand in the transcript.", """
        SELECT s.analysis AS "Analysis", s.version AS "Version", s.group_key AS "Agent", s.calls AS "Calls", s.success_rate AS "Success",
               s.avg_score AS "Score", s.unsupported AS "Unsupported", s.refused AS "Refused"
        FROM voice_scorecard($__timeFrom()::timestamptz, 'agent') s JOIN voice.agent g ON g.id = s.group_key
        WHERE g.vertical IN (${vertical:sqlstring})
        ORDER BY s.success_rate NULLS LAST, s.calls DESC
        """, 12, {"Success": shown(*SHARE), "Score": shown("none", decimals=0), "Agent": shown(links=TO_AGENT)}))
    board.with_panel(rows("Criteria", "The least met first.", """
        SELECT s.analysis AS "Analysis", k.key AS "Criterion", sum((k.value->>'judged')::bigint) AS "Judged",
               (sum((k.value->>'pass_rate')::numeric * (k.value->>'judged')::bigint) / nullif(sum((k.value->>'judged')::bigint), 0))::double precision AS "Met",
               sum((k.value->>'not_applicable')::bigint) AS "Not applicable", sum((k.value->>'unknown')::bigint) AS "Unknown"
        FROM voice_scorecard($__timeFrom()::timestamptz, 'vertical') s CROSS JOIN LATERAL jsonb_each(s.criteria) k
        WHERE s.group_key IN (${vertical:sqlstring})
        GROUP BY 1, 2 ORDER BY 4 NULLS LAST, 1, 2
        """, 12, {"Met": shown(*SHARE)}))
    board.with_panel(rows("Agents", "Of the days shown, up to yesterday; those with the most unhappy callers first.", f"""
        SELECT d.agent_id AS "Agent", g.name AS "Name", g.vertical AS "Vertical", sum(d.calls) AS "Calls",
               sum(d.sentiment_sum) / nullif(sum(d.analyzed), 0) AS "Sentiment",
               (sum(d.lead_score_sum) / nullif(sum(d.analyzed), 0))::double precision AS "Lead score",
               sum(d.analyses_passed)::double precision / nullif(sum(d.analyses_passed + d.analyses_failed), 0) AS "Success",
               sum(d.transferred)::double precision / nullif(sum(d.calls - d.in_progress), 0) AS "Transferred",
               sum(d.tool_errors)::double precision / nullif(sum(d.tool_calls), 0) AS "Tools failed"
        FROM {DAILY} GROUP BY d.agent_id, g.name, g.vertical ORDER BY 5 NULLS LAST LIMIT 200
        """, 14, {"Agent": shown(links=TO_AGENT), "Sentiment": shown("none", ("red", -0.1, "orange", 0.1, "green"), decimals=2),
                  "Lead score": shown("none", decimals=0), "Success": shown(*SHARE), "/Transferred|Tools failed/": shown("percentunit")}))
    board.with_panel(rows("Top leads", "voice_top_leads(); whom to ring is shown to readers, not here.", """
        SELECT l.started_at AS "Started", l.agent_id AS "Agent", l.vertical AS "Vertical", l.lead_score AS "Lead score", l.sentiment AS "Sentiment",
               l.intent AS "Intent", l.call_id::text AS "Call"
        FROM voice_top_leads(NULL, $__timeFrom()::timestamptz, 70, 100) l
        WHERE l.vertical IN (${vertical:sqlstring}) LIMIT 25
        """, 10, {"Started": shown("dateTimeAsSystem"), "Sentiment": shown("none", decimals=2), "Agent": shown(links=TO_AGENT)}))


def quality() -> build.Dashboard:
    board = dashboard("voice-quality", "Voice: quality", "Sentiment, success and scorecards of the data source's tenant.", "now-30d", "15m")
    board.with_variable(variable("vertical", "Vertical", "SELECT DISTINCT vertical FROM voice.agent ORDER BY 1", all_of="SELECT vertical FROM voice.agent"))
    summary(board)
    by_day(board)
    scorecards(board)
    return board
