"""What a run of the tests has started, each thing once: it ends with the run, or is kept for the next one."""

import contextlib
import tempfile
from concurrent.futures import Future
from pathlib import Path
from threading import Thread


class Parts:
    """What has been started, by name. `make(folder)`, a context manager, makes a part in a folder of its own."""

    def __init__(self):
        self.stacks, self.futures = {}, {}

    def begin(self, name, make):
        """Let a part be made in the background, until somebody wants to `get` it."""
        stack, future = self.stacks[name], self.futures[name] = contextlib.ExitStack(), Future()
        Thread(target=self.make, args=[stack, future, make], daemon=True).start()

    def make(self, stack, future, make):
        try:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            future.set_result(stack.enter_context(make(folder)))
        except Exception as error:
            future.set_exception(error)

    def get(self, name, make):
        """The part of this name, as soon as it is there; made now if it was not begun. Raises what making it raises."""
        if name not in self.futures:
            stack, future = self.stacks[name], self.futures[name] = contextlib.ExitStack(), Future()
            self.make(stack, future, make)
        future = self.futures[name]
        if future.exception():
            self.let_go(name)
        return future.result()

    @property
    def made(self):
        """The parts that are there."""
        return {name: each.result() for name, each in self.futures.items() if each.done() and not each.exception()}

    def let_go(self, *names):
        """End the parts of these names."""
        for name in names:
            future, stack = self.futures.pop(name, None), self.stacks.pop(name, None)
            if future:
                future.exception()  # that it is there, or is not, must be known first
                stack.close()
