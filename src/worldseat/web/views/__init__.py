"""What a page shows, worked out before the template prints it: pure functions from values to text.

A view holds sentences, numbers with their denominators and states, so that templates only place
them and tests can read them without a browser.
"""
