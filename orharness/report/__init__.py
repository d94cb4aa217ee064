"""Reports for a reader: the contents of a stream, what a client did, and the verdicts on it.

Nothing is imported here: only printing on a terminal needs Rich.
"""
