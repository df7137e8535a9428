-- Which of these ids are those of events of alerts, whose deliveries have no call. Nobody changes them: there is nothing to lock.
SELECT e.id, e.tenant_id, e.at FROM voice.alert_event e WHERE e.id = ANY ($1)
