"""A statement that ended with an error."""

from worldseat.local_dsql import wire


class Failed(Exception):
    """`answer` is the ErrorResponse that the client gets."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(wire.error_fields(answer).get("M", ""))
        self.answer = answer
