"""The gRPC service of a backend: sessions, calls in turn, events, and errors with their kinds."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
from google.protobuf import any_pb2

from . import contract as c
from . import plugin_pb2 as pb
from . import wire
from .checks import check_devices, check_open
from .errors import BackendError, Kind, not_found, unsupported

log = logging.getLogger("ptycho")

_CODES = {
    Kind.INTERNAL: grpc.StatusCode.INTERNAL, Kind.INVALID: grpc.StatusCode.INVALID_ARGUMENT, Kind.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Kind.UNSUPPORTED: grpc.StatusCode.UNIMPLEMENTED, Kind.UNAVAILABLE: grpc.StatusCode.FAILED_PRECONDITION,
    Kind.EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED, Kind.NUMERIC: grpc.StatusCode.OUT_OF_RANGE,
    Kind.CANCELLED: grpc.StatusCode.CANCELLED, Kind.CRASHED: grpc.StatusCode.ABORTED,
}
_MAX_WHAT = 2 << 10  # bytes of an error's text: it is sent in a trailer, whose size peers limit
_MOST_EVENTS = 1 << 10  # queued for a host that does not read
_GRACE = 3.0  # seconds that Shutdown waits for cancelled calls
_TICK = 0.05  # seconds between looks for a cancellation


class Events:
    """Events queues the events of a session until the host reads them."""

    def __init__(self) -> None:
        self._queue: queue.Queue[c.Event | None] = queue.Queue()

    def put(self, event: c.Event) -> None:
        """put adds an event, and drops it if the host does not read."""
        if self._queue.qsize() < _MOST_EVENTS:
            self._queue.put(event)

    def close(self) -> None:
        """close ends the queue after the events in it."""
        self._queue.put(None)

    def take(self, active: Callable[[], bool]) -> Iterator[c.Event]:
        """take returns events until close, or until the host gave up."""
        while active():
            try:
                event = self._queue.get(timeout=10 * _TICK)
            except queue.Empty:
                continue
            if event is None:
                self._queue.put(None)
                return
            yield event


class OpenSession:
    """OpenSession is an open session. It passes the backend one call at a time."""

    def __init__(self, session: c.Session, events: Events) -> None:
        self.session, self.events = session, events
        self._turn = threading.Lock()
        self._running: c.Call | None = None
        self._closed = False

    def enter(self, call: c.Call) -> None:
        """enter waits for the session's turn."""
        while not self._turn.acquire(timeout=_TICK):
            call.check("session")
        self._running = call
        if self._closed:
            self.leave()
            raise not_found("session", "the session is closed")

    def leave(self) -> None:
        """leave gives the turn to the next call."""
        self._running = None
        self._turn.release()

    def close(self, limit: float | None) -> None:
        """close cancels the running call, waits for it, and closes the session."""
        self._closed = True
        end = None if limit is None else time.monotonic() + limit
        while not self._turn.acquire(timeout=_TICK):
            if (running := self._running) is not None:
                running.cancel()
            if end is not None and time.monotonic() > end:
                self.events.close()
                raise BackendError(Kind.INTERNAL, "close", "a cancelled call did not end")
        try:
            self.session.close()
        finally:
            self._turn.release()
            self.events.close()


class Servicer:
    """Servicer implements the calls of the service Backend by their names."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended
        self._backend: c.Backend | BaseException | None = None
        self._made = threading.Event()
        self._lock = threading.Lock()
        self._sessions: dict[int, OpenSession] = {}
        self._opening: set[c.Call] = set()
        self._last = 0
        self._closing = False

    def use(self, backend: c.Backend | BaseException) -> None:
        """use sets the backend for the calls that wait for it, or the reason why it could not be made."""
        self._backend = backend
        self._made.set()

    def _get_backend(self, call: c.Call) -> c.Backend:
        """_get_backend waits until the engine is imported, which takes longer than the host waits for the handshake on a busy machine."""
        while not self._made.wait(_TICK):
            call.check("start")
        if self._backend is None or isinstance(self._backend, BaseException):
            raise BackendError(Kind.UNAVAILABLE, "start", f"the engine cannot be loaded: {self._backend}")
        return self._backend

    def Info(self, request: pb.InfoRequest, call: c.Call, context: Any) -> pb.InfoResponse:
        return wire.info_out(self._get_backend(call).info())

    def Devices(self, request: pb.DevicesRequest, call: c.Call, context: Any) -> pb.DevicesResponse:
        return pb.DevicesResponse(devices=[wire.device_out(d) for d in self._get_backend(call).devices()])

    def Open(self, requests: Iterator[pb.OpenRequest], call: c.Call, context: Any) -> Iterator[pb.OpenResponse]:
        # The backend opens in a thread of its own, so that its events are sent while it compiles.
        results: queue.Queue[Any] = queue.Queue()
        events = Events()
        sink: list[Callable[[Any], None]] = [results.put]
        options = wire.open_options(wire.Inbox(requests), lambda event: sink[0](event))
        backend = self._get_backend(call)
        check_open(options, backend.info())
        check_devices(options, backend.devices())
        with self._lock:
            if self._closing:
                raise BackendError(Kind.CANCELLED, "open", "the plugin is shutting down")
            self._opening.add(call)

        def compile_program() -> None:
            try:
                session = backend.open(options, call)
            except BaseException as e:  # raised again where the host receives it
                with self._lock:
                    self._opening.discard(call)
                results.put(e)
                return
            sink[0] = events.put
            opened = OpenSession(session, events)
            if not self._add(opened, call, results):
                opened.close(None)

        threading.Thread(target=compile_program, name="open", daemon=True).start()
        while True:
            try:
                result = results.get(timeout=_TICK)
            except queue.Empty:
                call.check("open")
                continue
            if isinstance(result, BaseException):
                raise result
            if isinstance(result, int):
                break
            yield pb.OpenResponse(event=wire.event_out(result))
        session, out = self._get(result).session, wire.Outbox()
        params = out.tensor(np.frombuffer(options.program.params_json, np.uint8))
        try:
            yield pb.OpenResponse(opened=pb.Opened(session=result, params=params, inspects=isinstance(session, c.Inspector)))
            for chunk in out.chunks():
                yield pb.OpenResponse(chunk=chunk)
        except GeneratorExit:  # the host gave up and will not close the session
            self._remove(result).close(None)
            raise

    def _add(self, opened: OpenSession, call: c.Call, results: queue.Queue[Any]) -> bool:
        with self._lock:
            self._opening.discard(call)
            if self._closing or call.cancelled():
                results.put(BackendError(Kind.CANCELLED, "open", "the call was cancelled"))
                return False
            self._last += 1
            self._sessions[self._last] = opened
            results.put(self._last)
            return True

    def _get(self, number: int) -> OpenSession:
        with self._lock:
            if number in self._sessions:
                return self._sessions[number]
        raise not_found("session", f"session {number} is not open")

    def _remove(self, number: int) -> OpenSession:
        opened = self._get(number)
        with self._lock:
            self._sessions.pop(number, None)
        return opened

    def SetState(self, requests: Iterator[pb.SetStateRequest], call: c.Call, context: Any) -> pb.SetStateResponse:
        inbox = wire.Inbox(requests)
        head = inbox.head()
        opened = self._get(head.session)
        state = inbox.state(head)
        with _Turn(opened, call):
            opened.session.set_state(state)
        return pb.SetStateResponse()

    def State(self, request: pb.StateRequest, call: c.Call, context: Any) -> Iterator[pb.StateResponse]:
        opened, out = self._get(request.session), wire.Outbox()
        with _Turn(opened, call):
            head = wire.state_out(request.session, opened.session.state(), out)
        yield pb.StateResponse(head=head)
        for chunk in out.chunks():
            yield pb.StateResponse(chunk=chunk)

    def Bind(self, requests: Iterator[pb.BindRequest], call: c.Call, context: Any) -> pb.BindResponse:
        inbox = wire.Inbox(requests)
        head = inbox.head()
        opened = self._get(head.session)
        dataset = inbox.dataset(head)
        with _Turn(opened, call):
            return pb.BindResponse(dataset=opened.session.bind(dataset))

    def Step(self, requests: Iterator[pb.StepRequest], call: c.Call, context: Any) -> Iterator[pb.StepResponse]:
        opened, inbox = self._begin(requests)
        plan = inbox.step_plan()
        with _Turn(opened, call):
            for result in opened.session.step(plan, call):
                yield wire.step_result_out(result)

    def Evaluate(self, requests: Iterator[pb.EvaluateRequest], call: c.Call, context: Any) -> Iterator[pb.EvaluateResult]:
        opened, inbox = self._begin(requests)
        plan = inbox.plan()
        with _Turn(opened, call):
            for i, sums in enumerate(opened.session.evaluate(plan, call)):
                yield pb.EvaluateResult(batch=i, scalars=wire.sums_out(sums))

    def Reconstruct(self, requests: Iterator[pb.ReconstructRequest], call: c.Call, context: Any) -> Iterator[pb.ReconstructResponse]:
        opened, inbox = self._begin(requests)
        plan = inbox.plan()
        with _Turn(opened, call):
            for i, patches in enumerate(opened.session.reconstruct(plan, call)):
                out = wire.Outbox()
                yield pb.ReconstructResponse(patches=pb.Patches(batch=i, data=out.tensor(patches)))
                for chunk in out.chunks():
                    yield pb.ReconstructResponse(chunk=chunk)

    def _begin(self, requests: Iterator[Any]) -> tuple[OpenSession, wire.Inbox]:
        """_begin finds the session of a stream's head, and returns an inbox that starts with the head again."""
        first = next(requests, None)
        if first is None or not first.HasField("head"):
            raise wire.malformed("a plan starts without a head")
        return self._get(first.head.session), wire.Inbox(_chain(first, requests))

    def Forward(self, requests: Iterator[pb.InspectRequest], call: c.Call, context: Any) -> Iterator[pb.InspectResponse]:
        def run(session: c.Inspector, ref: c.BatchRef, names: list[str]) -> c.Gradient:
            return c.Gradient(0.0, {}, session.forward(ref, names))
        return self._inspect(requests, call, run)

    def Gradient(self, requests: Iterator[pb.InspectRequest], call: c.Call, context: Any) -> Iterator[pb.InspectResponse]:
        return self._inspect(requests, call, lambda session, ref, names: session.gradient(ref, names))

    def _inspect(self, requests: Iterator[pb.InspectRequest], call: c.Call,
                 run: Callable[[c.Inspector, c.BatchRef, list[str]], c.Gradient]) -> Iterator[pb.InspectResponse]:
        inbox, out = wire.Inbox(requests), wire.Outbox()
        head = inbox.head()
        opened = self._get(head.session)
        ref = c.BatchRef(head.dataset, inbox.batch(head.batch), dict(head.loss_weights))
        if not isinstance(opened.session, c.Inspector):
            raise unsupported("inspect", "this backend does not support inspection")
        with _Turn(opened, call):
            r = run(opened.session, ref, list(head.names))
        yield pb.InspectResponse(inspected=pb.Inspected(loss=r.loss, scalars=wire.sums_out(r.scalars), tensors=out.named(r.gradients)))
        for chunk in out.chunks():
            yield pb.InspectResponse(chunk=chunk)

    def Stop(self, request: pb.StopRequest, call: c.Call, context: Any) -> pb.StopResponse:
        self._get(request.session).session.stop()  # does not wait for the session's turn
        return pb.StopResponse()

    def CloseSession(self, request: pb.CloseSessionRequest, call: c.Call, context: Any) -> pb.CloseSessionResponse:
        self._remove(request.session).close(None)
        return pb.CloseSessionResponse()

    def Events(self, request: pb.EventsRequest, call: c.Call, context: Any) -> Iterator[pb.Event]:
        opened = self._get(request.session)
        context.send_initial_metadata(())  # announces to the host that events are received from now on
        for event in opened.events.take(lambda: not call.cancelled()):
            yield wire.event_out(event)

    def Shutdown(self, request: pb.ShutdownRequest, call: c.Call, context: Any) -> pb.ShutdownResponse:
        with self._lock:
            self._closing = True
            for opening in self._opening:
                opening.cancel()
            sessions = list(self._sessions.values())
            self._sessions.clear()
        end = time.monotonic() + _GRACE
        for opened in sessions:
            try:
                opened.close(max(end - time.monotonic(), 0.0))
            except Exception as e:
                log.warning("closing a session failed: %s", e)
        self._ended()
        return pb.ShutdownResponse()


class _Turn:
    """_Turn is a session's turn as a context."""

    def __init__(self, opened: OpenSession, call: c.Call) -> None:
        self._opened, self._call = opened, call

    def __enter__(self) -> None:
        self._opened.enter(self._call)

    def __exit__(self, *_: object) -> None:
        self._opened.leave()


def _chain(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def handlers(servicer: Servicer) -> grpc.GenericRpcHandler:
    """handlers registers the calls of a servicer. The protocol's description says which ones are streams."""
    service = pb.DESCRIPTOR.services_by_name["Backend"]
    table = {}
    for m in service.methods:
        request, response = getattr(pb, m.input_type.name), getattr(pb, m.output_type.name)
        kind = {(False, False): grpc.unary_unary_rpc_method_handler, (True, False): grpc.stream_unary_rpc_method_handler,
                (False, True): grpc.unary_stream_rpc_method_handler, (True, True): grpc.stream_stream_rpc_method_handler}
        adapter = _streaming if m.server_streaming else _single
        table[m.name] = kind[m.client_streaming, m.server_streaming](
            adapter(getattr(servicer, m.name)), request_deserializer=request.FromString, response_serializer=response.SerializeToString)
    return grpc.method_handlers_generic_handler(service.full_name, table)


def _call_of(context: grpc.ServicerContext) -> c.Call:
    call = c.Call()
    if not context.add_callback(call.cancel):  # also called when the call has ended
        call.cancel()
    return call


def _single(method: Callable[..., Any]) -> Callable[[Any, grpc.ServicerContext], Any]:
    def handle(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(request, _call_of(context), context)
        except Exception as e:
            abort(context, e)
    return handle


def _streaming(method: Callable[..., Iterator[Any]]) -> Callable[[Any, grpc.ServicerContext], Iterator[Any]]:
    def handle(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        try:
            yield from method(request, _call_of(context), context)
        except Exception as e:
            abort(context, e)
    return handle


def abort(context: grpc.ServicerContext, e: Exception) -> None:
    """abort ends a call with an error, whose kind is in the detail of the status."""
    if isinstance(e, grpc.RpcError) and not isinstance(e, BackendError):  # the stream of requests ended early
        e = BackendError(Kind.CANCELLED, "", "the call was cancelled")
    if isinstance(e, MemoryError):
        e = BackendError(Kind.EXHAUSTED, "", f"out of memory: {e}")
    if not isinstance(e, BackendError):
        log.error("exception in a call of the backend", exc_info=e)
        e = BackendError(Kind.INTERNAL, "", f"the backend raised {type(e).__name__}: {e}")
    what = e.what
    if len(raw := what.encode("utf-8", "replace")) > _MAX_WHAT:
        what = raw[:_MAX_WHAT].decode("utf-8", "ignore") + " …"
    code = _CODES[e.kind]
    detail = any_pb2.Any()
    kind: Any = e.kind.value
    detail.Pack(pb.ErrorDetail(kind=kind, op=e.op, what=what))
    context.set_trailing_metadata((("grpc-status-details-bin", status(code.value[0], what, detail)),))
    context.abort(code, what)


def status(code: int, message: str, detail: any_pb2.Any) -> bytes:
    """status returns an encoded google.rpc.Status {int32 code = 1; string message = 2; repeated Any details = 3}."""
    text, packed = message.encode(), detail.SerializeToString()
    return bytes([1 << 3, code, 2 << 3 | 2]) + _varint(len(text)) + text + bytes([3 << 3 | 2]) + _varint(len(packed)) + packed


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])
