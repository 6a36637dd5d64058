"""What happens by itself because a day has come: lapses, warnings, deadlines, changes, sessions of the Board.

`running.run` goes through the days that are due, each once and in order, one provider or case a transaction.
"""
