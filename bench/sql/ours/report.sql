SELECT length(voice_report(:since));
