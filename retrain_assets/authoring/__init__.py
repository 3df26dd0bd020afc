"""Help for the person who writes declarations: a first one, and what is wrong with one."""
