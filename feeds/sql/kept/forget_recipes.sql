DELETE FROM derived.measured WHERE indicator = $indicator AND recipe <> $recipe
