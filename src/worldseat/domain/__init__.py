"""What a ticket on-sale is, in plain values and pure decisions.

Nothing here reads a clock, draws a random number or does input and output: a decision is a
function of what it is given. That is why it can be tested as a table and replayed from a seed.
"""
