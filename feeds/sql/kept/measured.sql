SELECT session, input_hash FROM derived.measured WHERE indicator = $indicator AND recipe = $recipe
