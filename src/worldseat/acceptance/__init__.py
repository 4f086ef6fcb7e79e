"""The acceptance run: does a pair of Regional endpoints keep what a sale relies on?

Everything is done from the client's side, so that it is the same run on AWS and on one machine.
Nothing here looks behind an endpoint.
"""
