"""What a test asks for, and what follows from it before anything runs. Pure but for `files`, the edge."""
