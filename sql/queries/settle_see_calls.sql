SELECT c.id FROM {call} c WHERE c.id = ANY ($1::uuid[]) AND {within c.id}
