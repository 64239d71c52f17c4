"""Files written whole or not at all, and what is no file left what it is."""

import os
import threading

from skypact.offline.output import write_json


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    write_json(pipe, {"a": 1})
    reader.join(10)
    assert read == ['{\n  "a": 1\n}\n']
    assert pipe.is_fifo()  # as root, /dev/null would else be a file from then on
    assert list(tmp_path.iterdir()) == [pipe]
