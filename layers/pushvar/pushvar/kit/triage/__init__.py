"""Why is there no data? Facts in, the path of the reasoning out, with one cause and one next step. Pure."""
