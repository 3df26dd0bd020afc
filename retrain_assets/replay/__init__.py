"""What any policy would have done on a history: a simulated clock over cached scores of every model it could have."""
