SELECT * FROM voice_tool_stats(:since);
