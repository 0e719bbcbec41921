"""The events of the approval service, which are its record."""

# The possible sequences of an approval's events. Repeated questions are counted, not written as events.
SEQUENCES = {
    ("asked",),
    ("asked", "expired"),
    ("asked", "approved"),
    ("asked", "approved", "expired"),
    ("asked", "approved", "consumed"),
    ("asked", "denied"),
    ("asked", "denied", "expired"),
}


def assert_agrees(service) -> dict:
    """Check that the events have no gaps and each approval a possible sequence; return them by approval."""
    events = service.events()
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    sequences: dict = {}
    for event in events:
        if approval := event.get("approval"):
            sequences.setdefault(approval, []).append(event)
    for approval, sequence in sequences.items():
        assert tuple(event["event"] for event in sequence) in SEQUENCES, approval
    return sequences
