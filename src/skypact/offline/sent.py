"""What became of a file that was sent to a node, for people."""

from rich.console import Console

from skypact.sensing.feeds.sender import Sent

_MOST_REASONS = 5


def print_sent(console: Console, sent: Sent) -> None:
    """Rows, what the node said of them, and why some were refused."""
    again = f", {sent.sent_again:,} sent again" if sent.sent_again else ""
    lines = [f"{sent.rows:,} plots sent in {sent.messages:,} messages{again}"]
    if sent.acknowledged is None:
        lines.append("by ASTERIX, which nobody acknowledges")
    else:
        lines.append(f"{sent.acknowledged:,} are in the node's journal; {sent.refused:,} refused")
    if sent.verdicts:
        said = ", ".join(f"{count:,} {word}" for word, count in sorted(sent.verdicts.items()))
        lines.append(f"of their scans: {said}")
    if sent.left_out:
        lines.append(f"{sent.left_out:,} plots do not fit into ASTERIX and were left out")
    most = sorted(sent.reasons.items(), key=lambda reason: -reason[1])[:_MOST_REASONS]
    lines += [f"  {count:,} × {reason}" for reason, count in most]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
