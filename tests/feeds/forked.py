"""A process that ingests on command, each time in a child of its own that may be killed.

Reads lines of JSON {"db", "paths", "table", "file_size"?} and answers with the child's pid, then with how it ended. The
libraries are loaded once, so that a hundred children cost a hundred forks.
"""

import json
import os
import resource
import sys
import traceback

from feeds.errors import BullbearError
from feeds.ingest import ingest
from feeds.store import Store


def child(asked: dict) -> int:
    if limit := asked.get("file_size"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        with Store.open(asked["db"]) as store:
            for outcome in ingest(store, asked["paths"], table=asked["table"]):
                if outcome.error is not None:
                    print(json.dumps({"error": outcome.error}), flush=True)
                    return 2
    except BullbearError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return error.exit_code
    return 0


def main() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                code = child(json.loads(line))
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(json.dumps({"pid": pid}), flush=True)
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"ended": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
