"""Reports: what is in a stream, what a client did, and the verdicts on it, for a reader.

Nothing is imported here: only who prints on a terminal needs Rich.
"""
