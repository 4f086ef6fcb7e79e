"""What each problem code means, in words that a fan understands: the table behind /problems."""

EXPLAINED: dict[str, str] = {
    "bad-encoding": "A request's text must be UTF-8. This one held bytes that are not.",
    "bad-host": "A request must name exactly one host, and one that this server can be.",
    "bad-json": "The body of the request could not be read as JSON, so nothing was done with it.",
    "bad-key": (
        "A claim carries an Idempotency-Key of 1 to 200 visible ASCII characters, sent once. "
        "It is what makes asking twice buy once."
    ),
    "missing-key": (
        "A claim came without an Idempotency-Key. Without one, a lost answer could not be asked "
        "for again without the danger of buying twice, so it was not tried."
    ),
    "too-slow": "The body of the request did not arrive in time. Nothing was done with it.",
    "too-large": "The body of the request was longer than any request here needs to be.",
    "not-json": "WorldSeat takes JSON only; that also keeps other sites' forms out.",
    "no-fan": (
        "A ticket belongs to a fan, and a signed cookie says who that is. This request carried "
        "none that is valid, so nothing was sold and nothing was written."
    ),
    "cross-site": (
        "The request came from a page of another site. WorldSeat acts only on requests of its "
        "own pages and of programs that are not browsers."
    ),
    "operator-only": (
        "Break it, Reset and other actions of the operator work on the machine itself, or with "
        "the operator's token. Fans do not need them."
    ),
    "not-found": "There is no page or address like this here.",
    "unknown-event": "No event has this id. It may have been mistyped.",
    "unknown-run": "No stampede has this id.",
    "unknown-round": "The event never had a round of this id.",
    "unknown-seat": "The hall has no seat of this name. Seats are called by row and number: A7.",
    "unknown-store": "No database of this name is installed here.",
    "method-not-allowed": "The address exists, but not for this kind of request.",
    "bad-request": "What was asked can be read, but it cannot be done like this. Nothing changed.",
    "key-reused": (
        "An Idempotency-Key stands for one request. This one was used before, for another seat "
        "or another event. Nothing was sold under it now."
    ),
    "one-seat": "For now a claim takes one seat. Buy the next one with a claim of its own.",
    "venue-refused": "The venue file does not describe a hall. Nothing was made of it.",
    "wrong-shape": "The request is JSON, but its values are not the ones that are wanted here.",
    "claim-voided": (
        "Your first attempt was lost on its way and then voided: the database now holds a row "
        "which says that it was not sold, for good. So you cannot get this seat twice, and you "
        "have not been charged. Press Buy again: it goes out as a new attempt."
    ),
    "live-round": (
        "This event sells for real. Break it and Reset work on rehearsals only, and the "
        "database itself refuses a stampede's row in a live round."
    ),
    "no-open-seat": "A stampede needs an open seat, and every seat is sold.",
    "refused": "The request was understood, and the answer is no. Nothing changed.",
    "seat-of-a-fan": (
        "A fan bought this seat. A stampede leaves it alone: only a seat that a stampede sold "
        "is opened again."
    ),
    "seat-taken": (
        "Somebody else's purchase was committed first. The seat has one holder, and it is not "
        "you. You have not been charged. The nearest open seats are offered in its place."
    ),
    "stampede-running": "One stampede runs at a time, so that their numbers do not mix.",
    "too-many-claims": (
        "More claims are on their way than the server lets in at once. Yours was not tried. "
        "Sent again under the same key, it buys once."
    ),
    "too-many-streams": "As many people watch as the server can serve. The page tries again.",
    "outcome-unknown": (
        "The connection broke after the purchase was handed to the database, so for a moment "
        "nobody knows whether it was committed. It is found out, never guessed: asked again "
        "under the same key, you get the seat once, or a clear no."
    ),
    "unavailable": "The database cannot be reached. Nothing was committed for this request.",
    "error": "A mistake of ours. The request id finds it in the server's log.",
}
