"""How long a call and each of its parts may take: seconds, all in one place.

A call has one `lifecycle.Deadline`, made where it comes in and handed down; a part that ends sooner by itself has its
share here. `tests/unit/test_deadlines.py` adds up the longest paths. What goes on by itself (leases, keys, idle
connections) is no part of a call, and has its times where it is.
"""

from __future__ import annotations

PROMISED_SECONDS = 45.0
"""Within which every call is answered, and after which a server that drains stops; hosts give up at about 60."""

CALL_SECONDS = 43.0
"""After which a tool call is answered, whatever it waits for."""

COMPLETION_SECONDS = 5.0
"""After which a completion is answered empty: somebody is typing."""

CONFIRM_SECONDS = 600.0
"""How long a person may take to answer a question, on top of the call's own time."""

AFTER_QUESTION_SECONDS = 5.0
"""What is kept of a call's own time where a question has to keep within it."""

# --- one request

REQUEST_SECONDS = 30.0
"""How long a request may take with all its attempts and pauses."""

ORDER_REQUEST_SECONDS = 25.0
PUBLISH_REQUEST_SECONDS = 20.0
"""How long one attempt that spends or publishes may take: giving up early leaves it unanswered."""

DETECTION_SECONDS = 6.0
"""How long the evidence of an API's vintage may take: an order waits for it."""

# --- placing an order

PLACE_SECONDS = CALL_SECONDS - 1.0
"""How long a script without a deadline waits for an order; requests that run by then go on without it."""

WHOAMI_SECONDS = 5.0
"""How long a call waits for Layers to name its organization."""

TERMS_SECONDS = 5.0
"""How long an order waits for the price list, and for the review policy."""

NEXT_PIECE_SECONDS = 8.0
"""How much of a call must be left for another piece of its order to be sent."""

SEARCH_SECONDS = 15.0
"""Until when a call may start another search upstream for what was never answered."""

RECONCILE_SECONDS = 15.0
"""How long one such search may take."""

OBSERVE_SECONDS = 5.0
"""How long reading the status of an answered order may take."""

ORDER_EXTRAS_SECONDS = 5.0
"""How long reading balance and review policy may take: an order does not wait longer for them."""

POLICY_AGE_SECONDS = 60.0
"""How old a review policy may be that is only shown; one that can refuse an order is read for it."""

ORDER_ANSWER_SECONDS = 1.0
"""What is kept of a call for reporting its order's status."""

PUBLISH_READS_SECONDS = 12.0
"""What reading content, accounts and time zone may take before a publication, whose attempt has its whole time then."""

SCHEDULE_SECONDS = 6.0
"""What is kept of a call for reading the schedule after a publication."""

# --- the journal

STORAGE_SECONDS = 3.0
"""How long storage waits for a lock or a connection: a call has several steps."""

STEP_SECONDS = 8.0
"""How long a step may take: storage ends its own waits sooner, unless its server or file system is frozen."""

RESTART_SECONDS = 5.0
"""For how long a step is tried again while its storage restarts or is locked."""

# --- reading

GATHER_SECONDS = 35.0
"""How long the slowest of several reads may take, where they have no share of their own."""

OPTIONAL_READS_SECONDS = 8.0
"""How long reads may take that only add to an answer: schedules, the scoring pool."""

ANSWER_SECONDS = 3.0
"""What such reads leave of a call for its answer."""

REVIEW_JOBS_SECONDS = 6.0
REVIEW_JOURNAL_SECONDS = 4.0
REVIEW_READS_SECONDS = 20.0
"""What reading running jobs, writing back their ends, and reading everything else may take of a review."""

REVIEW_REST_SECONDS = 12.0
"""What is left of a review then: for the schedules, and the journal once more."""

WAIT_SECONDS = 38.0
"""How long `wait_job` waits before it turns to its answer."""

WAIT_NOTES_SECONDS = 2.0
"""What the journal may take of the rest: an answer without its notes is better than none."""
