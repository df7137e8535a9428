SELECT voice_transcript($1)
