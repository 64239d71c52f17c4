"""What is shed is counted, said once for each time that more was, and said no longer after."""

from types import SimpleNamespace

from skypact.serving.shedding import Shedding, shed_counts


class Log:
    def __init__(self):
        self.said = []

    def warning(self, event, **named):
        self.said.append((event, named))


def state(partner, dropped, shed):
    return SimpleNamespace(partner=partner, live_dropped=dropped, live_shed=shed)


def test_each_message_that_was_shed_is_said_and_counted_once():
    log = Log()
    shedding = Shedding(log)
    shedding.look([state("KOR", 0, 0), state("USA", 0, 0)])
    assert not shedding.faults and not log.said
    shedding.look([state("KOR", 7, 5), state("USA", 0, 0)])
    assert len(shedding.faults) == 2
    assert "5 messages were shed, live from KOR" in shedding.faults[0]
    shedding.look([state("KOR", 9, 7), state("USA", 3, 0)])
    shedding.look([state("KOR", 9, 7), state("USA", 3, 0)])
    assert not shedding.faults
    said = [(named["what"], named["partner"], named["messages"]) for _, named in log.said]
    assert said == [
        ("live from", "KOR", 5),
        ("live to", "KOR", 2),
        ("live from", "KOR", 2),
        ("live to", "USA", 3),
    ]
    assert shed_counts([state("KOR", 9, 7), state("USA", 3, 0)]) == {
        ("live from KOR",): 7.0,
        ("live to KOR",): 2.0,
        ("live from USA",): 0.0,
        ("live to USA",): 3.0,
    }
