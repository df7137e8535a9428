"""Conditions on days: those of the roll-ups are in the time zone of the setting voice_analytics.timezone."""

ZONE = "(SELECT voice._zone())"
# As subqueries, so that they are computed once and not for each row.
DAYS = ("d.day BETWEEN (SELECT ($__timeFrom()::timestamptz AT TIME ZONE voice._zone())::date) "
        "AND (SELECT ($__timeTo()::timestamptz AT TIME ZONE voice._zone())::date)")
# When the day began.
TIME = f"d.day::timestamp AT TIME ZONE {ZONE} AS time"
