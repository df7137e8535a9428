-- Whether anybody is to be told of anything.
SELECT EXISTS (SELECT 1 FROM voice.webhook w WHERE w.enabled)
