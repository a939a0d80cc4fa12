-- Pages that were read are kept until memory is short; so short that a long tape shows what a pass itself holds.
SET memory_limit = '256MB';
