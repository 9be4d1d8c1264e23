"""What people and trainers look at. One module, one table: how it is made, how it is folded, how it is asked."""
