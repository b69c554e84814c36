"""What the kit makes for operators, checked by the programs that read it."""
