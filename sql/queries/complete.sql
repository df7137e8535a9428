-- While a restore runs, tables come one by one; nothing is done before the last of them.
SELECT pg_catalog.bool_and(pg_catalog.to_regclass('voice.' || t) IS NOT NULL)
FROM pg_catalog.unnest('{_instance,_state,agent,call,turn,transcript_chunk,tool_call,analytics,attempt,search_document,result,job,dead_job,webhook,tenant_limit,analysis,trial,trial_result,label,label_sample,label_task,live,alert,alert_event,_alert_hour,_alert_hour_done,_alert_window,_alert_drift,_pin}'::text[]) t
