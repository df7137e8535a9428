SELECT * FROM voice_tool_stats(:since, approximate => true);
