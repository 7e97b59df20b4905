"""
Delivers reports to the collector in the background.

Requests only put reports into memory. One thread in each process sends them.
"""
