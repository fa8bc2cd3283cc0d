"""Tables of ratings: from files and arrays, made up, and split."""
