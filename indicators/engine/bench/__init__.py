"""What the product costs beside the best its peers can do: one file per family of jobs, peers there to be read."""
