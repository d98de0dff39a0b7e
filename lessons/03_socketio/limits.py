"""How long a message may be: a longer one is refused while it arrives, before it fills the memory, on every engine.

Engine.IO looks at the length of a WebSocket message only when it is complete, and has no setting for the rest. So this
reaches into what is below it: simple-websocket for threading and gevent, eventlet's own WebSocket, and long polling.
"""

import engineio.payload
import simple_websocket
import socketio.packet

from . import engine

engineio.payload.Payload.max_decode_packets = 1000  # in one polling request; of more than 16, all would be dropped


class LimitedPacket(socketio.packet.Packet):
    """A packet of Socket.IO announces how many messages with bytes belong to it: without a limit, any number."""

    def add_attachment(self, attachment):
        if len(self.attachments) == 10:
            raise ValueError("A packet may have ten attachments.")
        return super().add_attachment(attachment)


class LimitedWebSocket(simple_websocket.Server):
    """Refuses a message over `longest` bytes."""

    longest = None

    def __init__(self, environ, **options):
        super().__init__(environ, max_message_size=self.longest, **options)

    def _handle_events(self):
        self.connected = super()._handle_events()
        if not self.connected:
            self.event.set()  # again: who was woken before `connected` was false would wait for ever
        return self.connected


simple_websocket.Server = LimitedWebSocket

if engine.NAME == "eventlet":
    from eventlet.websocket import FailedConnectionError, RFC6455WebSocket

    class LimitedMessage(RFC6455WebSocket.Message):
        """eventlet measures each frame; here all frames of a message together may be no longer than one."""

        def push(self, data, final=False):
            super().push(data, final)
            if sum(map(len, self.data)) > self.max_frame_length:
                raise FailedConnectionError(1009, "The message is too long.")

    RFC6455WebSocket.Message = LimitedMessage
