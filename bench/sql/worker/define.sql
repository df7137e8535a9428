-- Two analyses, 12 properties and 6 criteria together.
SELECT voice_define_analysis('visit', '{"type": "object", "properties": {
    "wish": {"type": "string", "description": "what the caller wants done"},
    "day": {"type": ["string", "null"], "format": "date", "description": "the day that was agreed"},
    "people": {"type": ["integer", "null"], "description": "for how many"},
    "budget": {"type": ["number", "null"], "description": "what the caller wants to spend"},
    "returning": {"type": ["boolean", "null"], "description": "whether the caller has been a customer before"},
    "channel": {"type": "string", "enum": ["search", "friend", "advertisement", "unknown"], "description": "how the caller heard of us"}}}',
    '[{"name": "greeted", "rubric": "The agent says who they are.", "kind": "pass_fail"},
      {"name": "confirmed", "rubric": "The agent repeats day and time before the end.", "kind": "pass_fail"},
      {"name": "patience", "rubric": "The agent lets the caller finish.", "kind": "score", "max": 5}]');
SELECT voice_define_analysis('follow_up', '{"type": "object", "properties": {
    "callback": {"type": ["boolean", "null"], "description": "whether the caller wants to be called back"},
    "reason": {"type": ["string", "null"], "description": "why no agreement was reached"},
    "topics": {"type": "array", "items": {"type": "string"}, "description": "what was talked about"},
    "urgency": {"type": "string", "enum": ["low", "medium", "high"], "description": "how soon it has to be done"},
    "competitor": {"type": ["string", "null"], "description": "another company that was named"},
    "invoice": {"type": ["string", "null"], "description": "the number of an invoice"}}}',
    '[{"name": "understood", "rubric": "The agent says the wish in their own words.", "kind": "pass_fail"},
      {"name": "next_step", "rubric": "The agent says what happens next.", "kind": "pass_fail"},
      {"name": "warmth", "rubric": "How warm the agent sounds.", "kind": "score", "max": 10}]');
