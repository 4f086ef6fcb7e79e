"""What each problem code means, and what to do: the table behind /problems, in a fan's words."""

from typing import NamedTuple


class Explained(NamedTuple):
    """A problem in plain words."""

    meaning: str
    to_do: str


EXPLAINED: dict[str, Explained] = {
    "bad-encoding": Explained(
        "A request's text must be UTF-8. This one held bytes that are not.",
        "Send the text as UTF-8.",
    ),
    "bad-host": Explained(
        "A request must name exactly one host, and one that this server can be.",
        "Send exactly one Host header with this server's name.",
    ),
    "bad-json": Explained(
        "The body of the request could not be read as JSON, so nothing was done with it.",
        "Check the JSON and send it again.",
    ),
    "bad-key": Explained(
        "A claim carries an Idempotency-Key of 1 to 200 visible ASCII characters, sent once. It is "
        "what makes asking twice buy once.",
        "Send one key, for example 32 random hexadecimal characters.",
    ),
    "missing-key": Explained(
        "A claim came without an Idempotency-Key. Without one, a lost answer could not be asked "
        "for again without the danger of buying twice, so it was not tried.",
        "Send an Idempotency-Key header with a fresh random value.",
    ),
    "too-slow": Explained(
        "The body of the request did not arrive in time. Nothing was done with it.",
        "Send it again, over a better connection if there is one.",
    ),
    "too-large": Explained(
        "The body of the request was longer than any request here needs to be.",
        "Send less: no request needs more than a few hundred bytes.",
    ),
    "not-json": Explained(
        "WorldSeat takes JSON only; that also keeps other sites' forms out.",
        "Send the body with content-type: application/json.",
    ),
    "no-fan": Explained(
        "A ticket belongs to a fan, and a signed cookie says who that is. This request carried "
        "none that is valid, so nothing was sold and nothing was written.",
        "Open a page of WorldSeat once, or POST /api/me, and keep the cookie.",
    ),
    "cross-site": Explained(
        "The request came from a page of another site. WorldSeat acts only on requests of its own "
        "pages and of programs that are not browsers.",
        "Use WorldSeat's own page.",
    ),
    "operator-only": Explained(
        "Break it, Reset and other actions of the operator work on the machine itself, or with the "
        "operator's token. Fans do not need them.",
        "Do it on the machine itself, under 127.0.0.1 or localhost, or send the operator's token.",
    ),
    "not-found": Explained(
        "There is no page or address like this here.",
        "Check the address, or begin at the command center.",
    ),
    "unknown-event": Explained(
        "No event has this id. It may have been mistyped.",
        "Look at the list of events in the command center.",
    ),
    "unknown-comparison": Explained(
        "No comparison has this id, or the process that fired it has ended since. Its runs are "
        "stored all the same.",
        "Look at the Compare page: it is made from stored runs.",
    ),
    "comparison-running": Explained(
        "One comparison runs at a time, so that its runs do not disturb another one's.",
        "Wait until it is over, or stop it on the Compare page.",
    ),
    "unknown-report": Explained(
        "No acceptance report of this id is kept here. A report that was made elsewhere can be "
        "brought in.",
        "Look at /proof, or bring the file in: worldseat accept show FILE --keep.",
    ),
    "report-refused": Explained(
        "A file is no acceptance report, or was changed after its run, so it was not kept.",
        "Use the file as the run wrote it. A report cannot be mended by hand.",
    ),
    "unknown-run": Explained(
        "No stampede has this id.",
        "GET /api/stampedes lists all of them.",
    ),
    "unknown-seat": Explained(
        "The hall has no seat of this name. Seats are called by row and number: A7.",
        "Choose a seat on the floor.",
    ),
    "unknown-store": Explained(
        "No database of this name is installed here.",
        "Choose one of the backends in the command center.",
    ),
    "method-not-allowed": Explained(
        "The address exists, but not for this kind of request.",
        "The Allow header of the answer says which methods work.",
    ),
    "bad-order": Explained(
        "The local DSQL cluster was told to do something that it cannot do, such as to plan a "
        "fault in the witness Region, which has no endpoint. Nothing was done.",
        "Read the answer's detail: it names what does not fit.",
    ),
    "bad-request": Explained(
        "What was asked can be read, but it cannot be done like this. Nothing changed.",
        "Correct the request and send it again.",
    ),
    "key-reused": Explained(
        "An Idempotency-Key stands for one request. This one was used before, for another seat or "
        "another event. Nothing was sold under it now.",
        "Send the new request under a new key.",
    ),
    "one-seat": Explained(
        "For now a claim takes one seat. Buy the next one with a claim of its own.",
        "Send one seat.",
    ),
    "venue-refused": Explained(
        "The venue file does not describe a hall. Nothing was made of it.",
        "Mend the line that the answer names, and try again.",
    ),
    "wrong-shape": Explained(
        "The request is JSON, but its values are not the ones that are wanted here.",
        "Compare the request with /openapi.json and send it again.",
    ),
    "claim-voided": Explained(
        "Your first attempt was lost on its way and then voided: the database now holds a row "
        "which says that it was not sold, for good. So you cannot get this seat twice, and you "
        "have not been charged. Press Buy again: it goes out as a new attempt.",
        "Press Buy again.",
    ),
    "live-round": Explained(
        "This event sells for real. Break it and Reset work on rehearsals only, and the database "
        "itself refuses a stampede's row in a live round.",
        "Choose the rehearsal.",
    ),
    "no-local-cluster": Explained(
        "Regions can be taken down and faults ordered only on the local DSQL cluster, which plays "
        "Aurora DSQL on one machine. Here the product runs on something else.",
        "Start WorldSeat without addresses of a database: it brings its own cluster.",
    ),
    "no-open-seat": Explained(
        "A stampede needs an open seat, and every seat is sold.",
        "Name a seat that a stampede sold, or reset the floor.",
    ),
    "refused": Explained(
        "The request was understood, and the answer is no. Nothing changed.",
        "Read the answer's detail: it says what was in the way.",
    ),
    "round-changed": Explained(
        "Somebody else reset the floor in the same moment, so the new round that you asked for is "
        "there already. Look at the new floor first.",
        "Look at the floor; reset again only if you still want to.",
    ),
    "seat-of-a-fan": Explained(
        "A fan bought this seat. A stampede leaves it alone: only a seat that a stampede sold is "
        "opened again.",
        "Choose another seat, or reset the floor.",
    ),
    "seat-taken": Explained(
        "Somebody else's purchase was committed first. The seat has one holder, and it is not you. "
        "You have not been charged. The nearest open seats are offered in its place.",
        "Buy one of the seats that are offered, or choose another.",
    ),
    "stampede-running": Explained(
        "One stampede runs at a time, so that their numbers do not mix.",
        "Wait until it is over; it takes seconds.",
    ),
    "too-many-claims": Explained(
        "More claims are on their way than the server lets in at once. Yours was not tried. Sent "
        "again under the same key, it buys once.",
        "Wait a second and send it again, under the same key.",
    ),
    "too-many-streams": Explained(
        "As many people watch as the server can serve. The page tries again.",
        "Wait; or reload the page in a few seconds.",
    ),
    "outcome-unknown": Explained(
        "The connection broke after the purchase was handed to the database, so for a moment "
        "nobody knows whether it was committed. It is found out, never guessed: asked again under "
        "the same key, you get the seat once, or a clear no.",
        "Ask again with the same key. The page does this by itself.",
    ),
    "unavailable": Explained(
        "The database cannot be reached. Nothing was committed for this request.",
        "Try again in a few seconds.",
    ),
    "error": Explained(
        "A mistake of ours. The request id finds it in the server's log.",
        "Try again; if it stays, report the request id.",
    ),
}
