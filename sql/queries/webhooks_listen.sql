-- Whether anybody is to be told of anything.
SELECT EXISTS (SELECT FROM voice.webhook w WHERE w.enabled)
