"""How much may come in a time: a bucket that fills steadily and is emptied by what comes."""

S = 1e9


class Budget:
    """Up to `burst` at once, and `per_s` a second in the long run; time is given, never taken.

    What is more than the burst waits for a full one, and leaves a debt behind. Where the clock is
    put back nothing is added, and it goes on from there.
    """

    def __init__(self, per_s: float, burst: float) -> None:
        self.per_s, self.burst = per_s, burst
        self.left = burst
        self._at_ns: int | None = None

    def take(self, now_ns: int, amount: float = 1.0) -> bool:
        """Whether there is so much left, which is taken; else nothing is taken."""
        self._fill(now_ns)
        if min(amount, self.burst) > self.left:
            return False
        self.left -= amount
        return True

    def ready_ns(self, now_ns: int, amount: float = 1.0) -> int:
        """When there will be so much, or the whole burst where it is more."""
        self._fill(now_ns)
        lacking = min(amount, self.burst) - self.left
        return now_ns + max(0, round(lacking / self.per_s * S))

    def begin(self, now_ns: int, left: float) -> None:
        """Go on from here with so much left."""
        self.left, self._at_ns = left, now_ns

    def _fill(self, now_ns: int) -> None:
        if self._at_ns is not None and now_ns > self._at_ns:
            self.left = min(self.burst, self.left + (now_ns - self._at_ns) / S * self.per_s)
        self._at_ns = now_ns
