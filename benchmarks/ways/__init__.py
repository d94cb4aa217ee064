"""Each way to cancel that a client's manual shows, as short as it is there, and the process that walks it.

Nothing here imports orharness: another interpreter, with other versions of the clients, can run it too.
"""
