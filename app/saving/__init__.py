"""What the window's part `app.projects` is made of: keeping against a crash, slots, recent files, questions."""
