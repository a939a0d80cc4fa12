INSERT INTO derived.reports VALUES ($key, $document, now())
