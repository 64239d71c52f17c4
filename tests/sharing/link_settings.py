"""Settings with which links find out about everything sooner."""

from skypact.settings import LinkSettings

QUICK = LinkSettings(
    heartbeat_s=0.1,
    silent_s=0.8,
    look_s=0.1,
    reconnect_s=0.2,
    ping_s=0.5,
    wedged_s=3.0,
    cut_batch_s=0.1,
    answer_s=3.0,
)
