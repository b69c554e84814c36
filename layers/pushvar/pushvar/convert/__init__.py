"""What the numbers mean: decode, map, and compile into shapes and plans. Pure through and through."""
