"""Are calls analysed? Above: now, of all tenants of the database. Below: over time, of the data source's tenant."""

from grafana_foundation_sdk.builders import dashboard as build

from panels import bars, dashboard, figures, lines, rows, shown

STATES = {"serving": "green", "paused": "blue", "restored copy": "orange", "waiting for provider": "orange",
          "not serving": "red", "no worker": "red"}

# Calls last a day at most, and an id may lie a day beside its call's start: these bounds prune to the months that count.
SINCE = "voice_uuid_at($__timeFrom()::timestamptz - interval '48 hours')"
UNTIL = "voice_uuid_at($__timeTo()::timestamptz + interval '24 hours')"
CALLS = f"c.id BETWEEN {SINCE} AND {UNTIL} AND $__timeFilter(c.ended_at) AND c.deleted_at IS NULL"
ATTEMPTS = f"t.call_id BETWEEN {SINCE} AND {UNTIL} AND $__timeFilter(t.created_at)"


def now(board: build.Dashboard) -> None:
    board.with_row(build.Row("Now, all tenants"))
    board.with_panel(figures("Worker", "voice_status() says why, and the way out.", """
        SELECT CASE WHEN worker_up = 0 THEN 'no worker' WHEN restored_copy = 1 THEN 'restored copy' WHEN paused = 1 THEN 'paused'
                    WHEN breaker_open = 1 THEN 'waiting for provider' WHEN serving = 1 THEN 'serving' ELSE 'not serving' END AS state
        FROM voice.metrics
        """, 4, {"state": shown(mappings=[{"type": "value", "options": {state: {"text": state, "color": color, "index": place}
                 for place, (state, color) in enumerate(STATES.items())}}])}, text=True))
    board.with_panel(figures("Waiting", "Age matters, not length: a queue of thousands after a busy minute is normal, a job of ten minutes is not.", """
        SELECT live_wait_seconds AS "Oldest call", live_queued AS "Calls", running AS "Taken", requests_in_flight AS "Requests"
        FROM voice.metrics
        """, 8, {"Oldest call": shown("s", ("green", 60, "orange", 300, "red"))}))
    board.with_panel(figures("Hang-up to analytics", "Of the latest 256 live calls since the worker began.", """
        SELECT analysis_p50_seconds AS "p50", analysis_p95_seconds AS "p95" FROM voice.metrics
        """, 4, {"p50": shown("s"), "p95": shown("s", ("green", 30, "orange", 60, "red"))}))
    board.with_panel(figures("Trouble", "Dead jobs gave up: voice_requeue_dead() gives them another chance. Failures of the LLM server are those in a row.", """
        SELECT dead AS "Dead jobs", provider_failures AS "LLM failures", webhooks_disabled AS "Webhooks off",
               calls_in_default AS "Calls without a month"
        FROM voice.metrics
        """, 8, {"/.*/": shown("short", ("green", 1, "orange")), "Dead jobs": shown("short", ("green", 1, "red"))}))
    board.with_panel(rows("Models", "Since the server started. A failure is an attempt, whoever was to blame; mended: read although not in the form that was asked for.", """
        SELECT model AS "Model", analyses AS "Analyses", failures AS "Failures",
               failures::double precision / nullif(analyses + failures, 0) AS "Failed", mended_share AS "Mended",
               prompt_tokens AS "Prompt tokens", completion_tokens AS "Completion tokens"
        FROM voice.metrics_by_model ORDER BY analyses DESC, model
        """, 14, {"Failed": shown("percentunit", ("green", 0.05, "orange", 0.17, "red")), "Mended": shown("percentunit"),
                  "/tokens|Analyses|Failures/": shown("short")}, height=6))
    board.with_panel(figures("Behind the calls", "Backfill waits behind live calls. Months: partitions ready beyond the current one.", """
        SELECT backfill_queued AS "Backfill", deliveries_queued AS "Webhooks", months_ahead AS "Months ahead",
               queue_bytes AS "Queue size", queue_dead_tuples AS "Dead rows"
        FROM voice.metrics
        """, 10, {"Queue size": shown("bytes"), "Months ahead": shown("short", ("red", 1, "orange", 2, "green")),
                  "Dead rows": shown("short", ("green", 100000, "orange", 500000, "red")), "/Backfill|Webhooks/": shown("short")}, height=6))


def over_time(board: build.Dashboard) -> None:
    board.with_row(build.Row("Over time, this tenant"))
    board.with_panel(lines("Calls ended, and analysed by now", "A gap that stays behind the newest minutes is calls that nobody analyses.", f"""
        SELECT $__timeGroupAlias(c.ended_at, $__interval), count(*) AS ended, count(a.call_id) AS analysed
        FROM voice.call c
        LEFT JOIN voice.analytics a ON a.call_id = c.id AND a.call_id BETWEEN {SINCE} AND {UNTIL}
        WHERE {CALLS}
        GROUP BY 1 ORDER BY 1
        """, 12, "short"))
    board.with_panel(lines("Hang-up to analytics", "To the first attempt that succeeded, by when the call ended. A call that was imported later counts from its end too.", f"""
        SELECT $__timeGroupAlias(w.ended_at, $__interval), percentile_cont(0.5) WITHIN GROUP (ORDER BY w.seconds) AS p50,
               percentile_cont(0.95) WITHIN GROUP (ORDER BY w.seconds) AS p95
        FROM (SELECT c.ended_at, greatest(0, extract(epoch FROM min(t.created_at) - c.ended_at))::double precision AS seconds
              FROM voice.call c
              JOIN voice.attempt t ON t.call_id = c.id AND t.kind = 'analyze' AND t.outcome = 'ok' AND t.call_id BETWEEN {SINCE} AND {UNTIL}
              WHERE {CALLS}
              GROUP BY c.id, c.ended_at) w
        GROUP BY 1 ORDER BY 1
        """, 12, "s"))
    board.with_panel(bars("Attempts to analyse", "ok, skipped (nothing had changed) and stale (the call changed meanwhile) are well; failed and snoozed are tried again; dead is not.", f"""
        SELECT $__timeGroupAlias(t.created_at, $__interval), t.outcome AS metric, count(*) AS attempts
        FROM voice.attempt t WHERE {ATTEMPTS} AND t.kind = 'analyze'
        GROUP BY 1, 2 ORDER BY 1, 2
        """, 8, fields={f"/\\b{outcome}$/": shown(color={"mode": "fixed", "fixedColor": color})
                        for outcome, color in {"ok": "green", "failed": "orange", "snoozed": "yellow", "dead": "red"}.items()}))
    board.with_panel(lines("LLM server, request to answer", "Of the requests for analyses, by model.", f"""
        SELECT $__timeGroupAlias(t.created_at, $__interval), t.model AS metric, percentile_cont(0.5) WITHIN GROUP (ORDER BY t.latency_ms) AS p50,
               percentile_cont(0.95) WITHIN GROUP (ORDER BY t.latency_ms) AS p95
        FROM voice.attempt t WHERE {ATTEMPTS} AND t.kind = 'analyze' AND t.latency_ms IS NOT NULL AND t.model IS NOT NULL
        GROUP BY 1, 2 ORDER BY 1, 2
        """, 8, "ms"))
    board.with_panel(bars("Tokens", "Of every answer, also of those that were refused.", f"""
        SELECT $__timeGroupAlias(t.created_at, $__interval), t.model AS metric, sum(t.prompt_tokens) AS prompt, sum(t.completion_tokens) AS completion
        FROM voice.attempt t WHERE {ATTEMPTS} AND t.prompt_tokens IS NOT NULL AND t.model IS NOT NULL
        GROUP BY 1, 2 ORDER BY 1, 2
        """, 8))
    board.with_panel(rows("What failed", "The errors themselves are in voice.attempt, for operators.", f"""
        SELECT t.kind AS "Kind", t.outcome AS "Outcome", t.http_status AS "HTTP", t.model AS "Model", count(*) AS "Attempts",
               max(t.created_at) AS "Last"
        FROM voice.attempt t WHERE {ATTEMPTS} AND t.outcome IN ('failed', 'snoozed', 'dead', 'discarded')
        GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 6 DESC LIMIT 50
        """, 16, {"Last": shown("dateTimeFromNow")}))
    board.with_panel(bars("Deliveries to webhooks", "By outcome.", f"""
        SELECT $__timeGroupAlias(t.created_at, $__interval), t.outcome AS metric, count(*) AS deliveries
        FROM voice.attempt t WHERE {ATTEMPTS} AND t.kind = 'deliver'
        GROUP BY 1, 2 ORDER BY 1, 2
        """, 8))


def operations() -> build.Dashboard:
    board = dashboard("voice-operations", "Voice: operations", "Whether calls are analysed, how fast, and what stands in the way.", "now-6h", "30s")
    now(board)
    over_time(board)
    return board
