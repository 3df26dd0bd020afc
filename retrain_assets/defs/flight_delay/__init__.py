"""Will a flight arrive more than a quarter of an hour late? The flights of New York in 2013, week by week."""
