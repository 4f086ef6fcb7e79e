"""WorldSeat: a worldwide ticket on-sale where one seat sells to exactly one fan."""

__version__ = "0.1.0"
