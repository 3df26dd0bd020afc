"""How many bikes will be rented in an hour? Washington in 2011, week by week, from dropped files."""
